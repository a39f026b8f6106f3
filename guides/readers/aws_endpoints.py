"""The public endpoint of a Lambda function: API Gateway."""

from guides import facts
from guides.readers.aws_permissions import may_call
from guides.readers.values import listed, only
from twinspan.terraform.stackjson import Block, Blocks


def endpoint(integration: Block, function: Block, blocks: Blocks) -> facts.Trigger:
    """The route that an integration belongs to, and who may use it how often. KeyError when a part of it is
    missing.
    """
    api, path, method = (
        blocks.at(only(integration.body[argument], of=integration))
        for argument in ("rest_api_id", "resource_id", "http_method")
    )
    stage = blocks.one_referring_to(api.address, "aws_api_gateway_stage")
    key, keys = _key(api, method, blocks)
    answers = [
        f"{answer.body['status_code']} for {answer.body['response_type']}"
        for answer in blocks.referring_to(api.address, "aws_api_gateway_gateway_response")
    ]
    wait = integration.body["timeout_milliseconds"] / 1_000
    parts = (api, path, method, integration, stage, may_call(api, function, blocks), *keys)
    return facts.Trigger(
        "http",
        f"API Gateway: {method.body['http_method']} /{stage.body['stage_name']}/{path.body['path_part']}; "
        f"{key}, authorization {method.body['authorization']}; waits {wait:g} s for the function; "
        f"answers {listed(answers) if answers else 'as API Gateway does by itself'}",
        tuple(part.address for part in parts),
    )


def _key(api: Block, method: Block, blocks: Blocks) -> tuple[str, tuple[Block, ...]]:
    """What is asked of a caller, in words and in blocks."""
    if not method.body["api_key_required"]:
        return "no API key", ()
    plan = blocks.one_referring_to(api.address, "aws_api_gateway_usage_plan")
    throttle = plan.body["throttle_settings"]
    of_plan = blocks.one_referring_to(plan.address, "aws_api_gateway_usage_plan_key")
    said = (
        f"API key, whose usage plan allows {throttle['rate_limit']} requests per second and "
        f"{throttle['burst_limit']} at once"
    )
    return said, (plan, of_plan, blocks.at(only(of_plan.body["for_each"], of=of_plan)))
