"""The configuration: `load("twin.yaml")` gives a `Config`, or raises `ConfigErrors` with every problem."""

from twinspan.config.clouds import (
    PLACEHOLDERS,
    AwsCloud,
    AzureCloud,
    Clouds,
    GcpCloud,
    Layers,
    archive_problem,
)
from twinspan.config.devices import Command, Device, DeviceType, Metric
from twinspan.config.events import AllOf, AnyOf, Comparison, Condition, Events, Feedback, Rule, Then
from twinspan.config.graph import Entity, EntityType, Model, Property, Relationship
from twinspan.config.loader import ExtraCheck, load
from twinspan.config.problems import ConfigErrors, Problem
from twinspan.config.root import Alerts, Config, Retention
from twinspan.config.safety import KEEPS, Client, Former, Keys, ReadApi

__all__ = [
    "KEEPS",
    "PLACEHOLDERS",
    "Alerts",
    "AllOf",
    "AnyOf",
    "AwsCloud",
    "AzureCloud",
    "Client",
    "Clouds",
    "Command",
    "Comparison",
    "Condition",
    "Config",
    "ConfigErrors",
    "Device",
    "DeviceType",
    "Entity",
    "EntityType",
    "Events",
    "ExtraCheck",
    "Feedback",
    "Former",
    "GcpCloud",
    "Keys",
    "Layers",
    "Metric",
    "Model",
    "Problem",
    "Property",
    "ReadApi",
    "Relationship",
    "Retention",
    "Rule",
    "Then",
    "archive_problem",
    "load",
]
