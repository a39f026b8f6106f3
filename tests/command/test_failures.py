"""What Terraform 1.11 and the providers said in real failures, and the sentence for the operator."""

from pathlib import Path

import pytest

from command.terraform.failures import Diagnostic, Failure, explain, prevented

LOCK = (
    "Error message: resource temporarily unavailable\nLock Info:\n"
    "  ID:        2a0d5408-06fe-77f1-b581-6230820273d8\n  Path:      t.tfstate\n"
    "  Operation: OperationTypeApply\n  Who:       ops@laptop\n  Version:   1.11.4\n"
    "  Created:   2026-11-30 16:50:29.72833293 +0000 UTC\n  Info:      \n\n\n"
    "Terraform acquires a state lock to protect the state from being written\n"
    "by multiple users at the same time. Please resolve the issue above and try\nagain."
)
SAID = {
    "no login, AWS": (
        Diagnostic(
            "No valid credential sources found",
            "Please see https://registry.terraform.io/providers/hashicorp/aws\nfor more information about "
            "providing credentials.\n\nError: failed to refresh cached credentials, no EC2 IMDS role found, "
            "operation error ec2imds: GetMetadata, access disabled to EC2 IMDS via client option",
            'provider["registry.terraform.io/hashicorp/aws"]',
        ),
        "Stack aws: no login was found. Run aws sso login, or set AWS_PROFILE, then run the command again.",
    ),
    "no login, Azure": (
        Diagnostic(
            "unable to build authorizer for Resource Manager API: could not configure AzureCli Authorizer: "
            "tenant ID was not specified and the default tenant ID could not be determined: obtaining tenant "
            "ID: obtaining account details: running Azure CLI: exit status 1: ERROR: Please "
            "run 'az login' to "
            "setup account."
        ),
        "Stack aws: no login was found. Run az login, then run the command again.",
    ),
    "no login, Google Cloud": (
        Diagnostic(
            "Attempted to load application default credentials since neither `credentials` "
            "nor `access_token` "
            "was set in the provider block.  No credentials loaded. To use your gcloud credentials, run "
            "'gcloud auth application-default login'",
            "google: could not find default credentials. See "
            "https://cloud.google.com/docs/authentication/external/set-up-adc for more information",
        ),
        "Run gcloud auth application-default login, then run the command again.",
    ),
    "wrong account": (
        Diagnostic("AWS account ID not allowed: 123456789012"),
        "the login is for AWS account 123456789012, which is not clouds.aws.account_id.",
    ),
    "another region": (
        Diagnostic(
            "Module output value precondition failed",
            "This twin is deployed in account 123456789012, region eu-central-1. Terraform would not find it "
            "in account 123456789012, region eu-west-1. Use the region and the credentials of the first "
            "deployment. To move the twin, destroy it with those first.",
        ),
        "the twin is deployed in account 123456789012, region eu-central-1. Write that region and account",
    ),
    "locked": (
        Diagnostic("Error acquiring the state lock", LOCK),
        "its state is locked by ops@laptop since 2026-11-30 16:50:29. Wait until that run has ended. If it "
        "died, run terraform -chdir=stacks/aws force-unlock 2a0d5408-06fe-77f1-b581-6230820273d8",
    ),
    "no lock": (
        Diagnostic(
            "Error acquiring the state lock", "Error message: open ../../../t.tfstate: permission denied"
        ),
        "its state could not be locked. Error message: open ../../../t.tfstate: permission denied",
    ),
    "no name server": (
        Diagnostic(
            "Retrieving AWS account details: validating provider credentials: retrieving "
            "caller identity from "
            "STS: operation error STS: GetCallerIdentity, https response error StatusCode: 0, RequestID: , "
            'request send failed, Post "https://sts.eu-central-1.amazonaws.com/": dial tcp: lookup '
            "sts.eu-central-1.amazonaws.com on 192.0.2.53:53: no such host"
        ),
        "the network failed (dial tcp).",
    ),
    "network gone during apply": (
        Diagnostic(
            "creating SQS Queue (a): operation error SQS: CreateQueue, exceeded maximum number of attempts, "
            '1, https response error StatusCode: 0, RequestID: , request send failed, Post "https://sqs/": '
            "read tcp 192.0.2.1:4711->192.0.2.2:443: read: connection reset by peer",
            "",
            "aws_sqs_queue.a",
        ),
        "the network failed (connection reset by peer). Check the connection, then run twinspan plan and "
        "twinspan deploy again: they go on where this run stopped.",
    ),
    "half applied, AWS": (
        Diagnostic(
            "creating AWS DynamoDB Table (factory-hot): operation error DynamoDB: "
            "CreateTable, https response "
            "error StatusCode: 400, RequestID: 1, ResourceInUseException: Table already exists: factory-hot",
            "",
            "aws_dynamodb_table.hot",
        ),
        "aws_dynamodb_table.hot exists in the cloud, but not in the state: an earlier "
        "run was cut short. Import "
        "it with terraform -chdir=stacks/aws import 'aws_dynamodb_table.hot' <id>",
    ),
    "half applied, Azure": (
        Diagnostic(
            'A resource with the ID "/subscriptions/1/resourceGroups/factory" already exists - to be managed '
            "via Terraform this resource needs to be imported into the State. Please see the resource "
            'documentation for "azurerm_resource_group" for more information.',
            "",
            "azurerm_resource_group.twin",
        ),
        "azurerm_resource_group.twin exists in the cloud, but not in the state",
    ),
    "half applied, Google Cloud": (
        Diagnostic(
            "Error creating Database: googleapi: Error 409: Database already exists. Please use another "
            "database_id",
            "",
            "google_firestore_database.hot",
        ),
        "google_firestore_database.hot exists in the cloud, but not in the state",
    ),
    "protected by Terraform": (
        Diagnostic(
            "Instance cannot be destroyed",
            "Resource aws_dynamodb_table.hot has lifecycle.prevent_destroy set, but the plan calls for this "
            "resource to be destroyed. To avoid this error and continue with the plan, either disable "
            "lifecycle.prevent_destroy or reduce the scope of the plan using the -target option.",
        ),
        "aws_dynamodb_table.hot is protected, and the plan would delete it. Run twinspan plan, which names "
        "the store and what allows its deletion. If an interrupted apply has left it tainted, keep it with "
        "terraform -chdir=stacks/aws untaint 'aws_dynamodb_table.hot'",
    ),
    "protected by a lock": (
        Diagnostic(
            "deleting Storage Account: unexpected status 409 (409 Conflict) with error: "
            "ScopeLocked: The scope "
            "'/subscriptions/1/a' cannot perform delete operation because following scope(s) are locked: "
            "'/subscriptions/1/a'. Please remove the lock and try again.",
            "",
            "azurerm_storage_account.files",
        ),
        "Azure refuses to delete azurerm_storage_account.files, because a management lock protects "
        "/subscriptions/1/a.",
    ),
    "stale": (
        Diagnostic(
            "Saved plan is stale",
            "The given plan file can no longer be applied because the state was changed by another operation "
            "after the plan was created.",
        ),
        "its state has changed since the plan was made. Run twinspan plan again, then twinspan deploy.",
    ),
    "state elsewhere": (
        Diagnostic(
            "Backend configuration changed",
            "A change in the backend configuration has been detected, which may require migrating existing "
            "state.\n\nIf you wish to attempt automatic migration of the state, use "
            '"terraform init -migrate-state".',
        ),
        "its state was kept in another place. To take it along, run terraform -chdir=stacks/aws init "
        "-migrate-state",
    ),
    "no registry": (
        Diagnostic(
            "Failed to query available provider packages",
            "Could not retrieve the list of available versions for provider hashicorp/azurerm: provider "
            "registry.terraform.io/hashicorp/azurerm was not found in any of the search locations",
        ),
        "the provider hashicorp/azurerm could not be installed.",
    ),
    "no permission": (
        Diagnostic(
            "creating SQS Queue (a): operation error SQS: CreateQueue, https response error StatusCode: 403, "
            "RequestID: 1, api error AccessDenied: User: x is not authorized to perform: sqs:createqueue"
        ),
        "the login may not do this. Give it the permissions in the deployment guide.",
    ),
    "too old": (
        Diagnostic(
            "Unsupported Terraform Core version",
            "This configuration does not support Terraform version 1.5.7. To proceed, either choose another",
        ),
        "this Terraform is too old. Install Terraform 1.11 or newer.",
    ),
}


@pytest.mark.parametrize(("diagnostic", "sentence"), SAID.values(), ids=list(SAID))
def test_a_failure_is_a_sentence_with_the_next_step(diagnostic: Diagnostic, sentence: str) -> None:
    said = explain(Failure("aws", Path("stacks/aws"), [diagnostic]))
    assert sentence in said
    assert said.startswith("Stack aws: ")
    assert "\n" not in said


def test_the_cause_comes_before_what_follows_from_it() -> None:
    consequence = Diagnostic("something else failed", "", "aws_sqs_queue.b")
    cause, sentence = SAID["no login, AWS"]
    assert explain(Failure("aws", Path("stacks/aws"), [consequence, cause])) == sentence


def test_what_has_no_rule_is_terraforms_own_summary() -> None:
    first = Diagnostic("Invalid index", "The given key\ndoes not identify " + "an element " * 60, "a.b")
    said = explain(Failure("gcp", Path("stacks/gcp"), [first, first, first]))
    assert said.startswith("Stack gcp: a.b: Invalid index The given key does not identify an element")
    assert said.endswith("… (2 more errors)")
    assert len(said) < 500
    assert explain(Failure("gcp", Path("x"), [])) == (
        "Stack gcp: Terraform failed without a message. Run it in x."
    )


def test_only_prevent_destroy_makes_a_plan_worth_reading() -> None:
    protected, other = SAID["protected by Terraform"][0], SAID["wrong account"][0]
    assert prevented([protected, protected])
    assert not prevented([protected, other])
    assert not prevented([])
