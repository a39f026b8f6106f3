"""The floor for a synth: a CDKTF app with an empty stack and no provider."""

import sys

from cdktf import App, LocalBackend, TerraformStack

app = App(outdir=sys.argv[1])
LocalBackend(TerraformStack(app, "empty"), path="terraform.tfstate")
app.synth()
