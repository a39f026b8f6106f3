"""A front end of our own in place of the Azure Functions host, which cannot be installed from a registry.

It loads a function app as it is deployed, has Microsoft's `azure-functions` index it and decode what
triggers it, and does what the host documents for the three kinds of trigger that the twin uses. Where
Microsoft's `azure-functions-runtime` is installed (Python 3.13), that runs the functions, as Azure's own
worker does.

What the host has and this has not: function keys, scaling to several instances, cold starts, leases and keys
in AzureWebJobsStorage, Application Insights.
"""
