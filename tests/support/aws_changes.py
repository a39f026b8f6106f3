"""Rules by which a deployed AWS stack can be changed, and an apply that failed can be repeated, held against
the synthesized stack. Those on environments are in `changeable`.

An apply that fails leaves resources tainted: the next one replaces them, whatever they are.
"""

from collections.abc import Iterator

from support.terraform_json import Resource, Stack, references, resources

UNNAMED = ("aws_api_gateway_", "terraform_data")
"""Types of which AWS takes two of the same name."""
PARENTS = {
    "aws_api_gateway_deployment": "rest_api_id",
    "aws_api_gateway_gateway_response": "rest_api_id",
    "aws_api_gateway_integration": "resource_id",
    "aws_api_gateway_method": "resource_id",
    "aws_api_gateway_resource": "rest_api_id",
    "aws_api_gateway_stage": "rest_api_id",
    "aws_api_gateway_usage_plan_key": "usage_plan_id",
    "aws_grafana_role_association": "workspace_id",
    "aws_grafana_workspace_service_account": "workspace_id",
    "aws_iam_role_policy": "role",
    "aws_lambda_function_event_invoke_config": "function_name",
    "aws_lambda_invocation": "function_name",
    "aws_lambda_permission": "function_name",
    "aws_s3_bucket_cors_configuration": "bucket",
    "aws_s3_bucket_lifecycle_configuration": "bucket",
    "aws_s3_bucket_ownership_controls": "bucket",
    "aws_s3_bucket_policy": "bucket",
    "aws_s3_bucket_public_access_block": "bucket",
    "aws_s3_bucket_server_side_encryption_configuration": "bucket",
    "aws_s3_bucket_versioning": "bucket",
    "aws_s3_object": "bucket",
    "aws_scheduler_schedule": "group_name",
    "aws_secretsmanager_secret_version": "secret_id",
    "aws_sns_topic_subscription": "topic_arn",
    "aws_sqs_queue_policy": "queue_url",
    "aws_sqs_queue_redrive_allow_policy": "queue_url",
}
"""By type of what AWS deletes together with another resource: the argument that names that."""
COMPUTED = ("arn", "id", "url")
"""Attributes that are unknown while Terraform plans to replace what has them: the child is then replaced
too.
"""


def problems(stack: Stack) -> Iterator[str]:
    """What of the AWS stack would be wrong after a change, or after an apply that failed."""
    blocks = {block.address: block for block in resources(stack)}
    for block in blocks.values():
        if block.body.get("lifecycle", {}).get("create_before_destroy"):
            for address in sorted(_needed(block, blocks)):
                if not address.startswith(UNNAMED):
                    yield f"{address}: is made before its predecessor goes, because of {block.address}"
        if block.kind in PARENTS:
            for parent in references(block.body[PARENTS[block.kind]]):
                if parent.address in blocks and parent.attribute not in COMPUTED:
                    yield f"{block.address}: outlives {parent.address}"
        if block.kind == "aws_secretsmanager_secret" and block.body.get("recovery_window_in_days", 30):
            yield f"{block.address}: keeps its name for days after it was deleted"


def _needed(block: Resource, blocks: dict[str, Resource]) -> set[str]:
    """The addresses of the resources that a block depends on."""
    found: set[str] = set()
    waiting = [block]
    while waiting:
        body = waiting.pop().body
        named = {each.address for each in references(body)} | set(body.get("depends_on", ()))
        more = (named & blocks.keys()) - found
        found |= more
        waiting += [blocks[address] for address in more]
    return found
