"""Names of AWS resources and the limits on them. Pure: it is read before anything is built."""

from collections.abc import Iterator

from twin_runtime.roles import MOVERS, READERS, ROLES, Cloud, Layer, Role
from twinspan.naming import NameRule, Names
from twinspan.topology import Topology

_API = "docs.aws.amazon.com/"
_API_NAMES = _API + "apigatewayv2/latest/api-reference/apis.html"
RULES: tuple[NameRule, ...] = (
    NameRule(
        "aws_lambda_function",
        "Lambda function",
        1,
        64,
        r"[a-zA-Z0-9_-]+",
        _API + "lambda/latest/api/API_CreateFunction.html",
        "function_name",
    ),
    NameRule(
        "aws_iam_role",
        "IAM role",
        1,
        64,
        r"[\w+=,.@-]+",
        _API + "IAM/latest/APIReference/API_CreateRole.html",
    ),
    NameRule(
        "aws_cloudwatch_log_group",
        "CloudWatch log group",
        1,
        512,
        r"[.\-_/#A-Za-z0-9]+",
        _API + "AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
    ),
    NameRule(
        "aws_cloudwatch_metric_alarm",
        "CloudWatch alarm",
        1,
        255,
        r"[ -~]+",
        _API + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
        "alarm_name",
    ),
    NameRule(
        "aws_sqs_queue",
        "SQS queue",
        1,
        80,
        r"[a-zA-Z0-9_-]+",
        _API + "AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
    ),
    NameRule(
        "aws_sns_topic", "SNS topic", 1, 256, r"[a-zA-Z0-9_-]+", _API + "sns/latest/api/API_CreateTopic.html"
    ),
    NameRule(
        "aws_secretsmanager_secret",
        "Secrets Manager secret",
        1,
        512,
        # A hyphen and six characters at the end look like the suffix that Secrets Manager puts into the ARN.
        r"(?!.*-[a-zA-Z0-9]{6}$)[a-zA-Z0-9/_+=.@-]+",
        _API + "secretsmanager/latest/apireference/API_CreateSecret.html",
    ),
    NameRule(
        "aws_dynamodb_table",
        "DynamoDB table",
        3,
        255,
        r"[a-zA-Z0-9_.-]+",
        _API + "amazondynamodb/latest/APIReference/API_CreateTable.html",
    ),
    NameRule(
        "aws_iot_topic_rule",
        "IoT rule",
        1,
        128,
        r"[a-zA-Z0-9_]+",
        _API + "iot/latest/apireference/API_CreateTopicRule.html",
    ),
    NameRule(
        "aws_iot_policy",
        "IoT policy",
        1,
        128,
        r"[\w+=,.@-]+",
        _API + "iot/latest/apireference/API_CreatePolicy.html",
    ),
    NameRule(
        "aws_iot_thing",
        "IoT thing",
        1,
        128,
        r"[a-zA-Z0-9:_-]+",
        _API + "iot/latest/apireference/API_CreateThing.html",
    ),
    # For REST APIs and usage plans no limit is published: this is the one of HTTP APIs.
    NameRule("aws_api_gateway_rest_api", "REST API", 1, 128, r".+", _API_NAMES),
    NameRule("aws_api_gateway_usage_plan", "usage plan", 1, 128, r".+", _API_NAMES),
    # CloudFormation and TwinMaker set the same limit, and a name with a hyphen fits both.
    NameRule(
        "aws_cloudformation_stack",
        "CloudFormation stack and TwinMaker workspace",
        2,
        128,
        r"[a-zA-Z][a-zA-Z0-9-]*[a-zA-Z0-9]",
        _API + "AWSCloudFormation/latest/APIReference/API_CreateStack.html",
    ),
    NameRule(
        "aws_grafana_workspace",
        "Grafana workspace",
        1,
        255,
        r"[a-zA-Z0-9._~-]+",
        _API + "grafana/latest/APIReference/API_CreateWorkspace.html",
    ),
    NameRule(
        "aws_sfn_state_machine",
        "Step Functions state machine",
        1,
        80,
        r"[a-zA-Z0-9_-]+",
        _API + "step-functions/latest/apireference/API_CreateStateMachine.html",
    ),
    NameRule(
        "aws_s3_bucket",
        "S3 bucket",
        3,
        63,
        r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]*[a-z0-9]",
        _API + "AmazonS3/latest/userguide/bucketnamingrules.html",
        "bucket",
    ),
    NameRule(
        "aws_scheduler_schedule_group",
        "schedule group",
        1,
        64,
        r"[0-9a-zA-Z_.-]+",
        _API + "scheduler/latest/APIReference/API_CreateScheduleGroup.html",
    ),
    NameRule(
        "aws_scheduler_schedule",
        "schedule",
        1,
        64,
        r"[0-9a-zA-Z_.-]+",
        _API + "scheduler/latest/APIReference/API_CreateSchedule.html",
    ),
)

_ANY_ACCOUNT = "0" * 12
"""In the place of the account's number, which only the deployment knows."""

STORE = "hot"
STATE = "state"
FILES = "files"
"""The bucket of the cold and the archive tier, whichever of them are in AWS."""
WORKFLOW = "workflow"
GRAFANA = "grafana"
GRAPH = "graph"
ALARMS = "alarms"
BROKER_ERRORS = "broker-errors"
DEVICE = "device"


def function_log(names: Names, role: Role) -> str:
    """The log group that Lambda writes to by itself when nothing else is said."""
    return f"/aws/lambda/{names.name(role)}"


def workflow_log(names: Names) -> str:
    """Under this prefix the account's one log resource policy does not grow with every state machine."""
    return f"/aws/vendedlogs/states/{names.name(WORKFLOW)}"


def bucket(names: Names, name: str, *, account: str) -> str:
    """`factory-files-123456789012-eu-central-1`: a bucket's name is taken for all accounts of the world."""
    return f"{names.name(name)}-{account}-{dict(names.accounts)[Cloud.AWS]}"


def clock_role(names: Names, role: Role) -> str:
    """What the clock takes on to call a function."""
    return names.name(role, "clock")


def failed_alarm(names: Names, role: Role) -> str:
    """The alarm on a scheduled function."""
    return names.name(role, "failed")


def behind_alarm(names: Names, role: Role) -> str:
    """The alarm on a mover that lags."""
    return names.name(role, "behind")


def log_metric(names: Names, role: Role, name: str) -> str:
    """A metric of the lines of a function's log."""
    return names.name(role, name)


def expiry_switch(names: Names) -> str:
    """The schedule that stops the expiry of the hot store, and the role that it takes on."""
    return names.name(STORE, "expiry")


def refusals_alarm(names: Names, role: Role) -> str:
    """The alarm on the refusals of a reader."""
    return names.name(role, "refusals")


def telemetry_rule(names: Names) -> str:
    """`factory_telemetry`: a rule's name is an SQL name, without hyphens."""
    return names.name("telemetry").replace("-", "_")


def telemetry_topic(names: Names, device: str) -> str:
    """Where a device publishes. The third level is its name; `device` may be a wildcard or a policy
    variable."""
    return f"{names.twin}/devices/{device}/telemetry"


def command_topic(names: Names, device: str) -> str:
    """Where a device hears its commands."""
    return f"{names.twin}/devices/{device}/commands"


def workspace(names: Names) -> str:
    """The TwinMaker workspace, and the CloudFormation stack that makes it."""
    return names.name(GRAPH)


def link_secret(names: Names, link: str) -> str:
    return names.name("link", link)


def planned(names: Names, topology: Topology) -> Iterator[tuple[str, str]]:
    """Every (Terraform type, name) of the stack that carries the twin's name, as far as AWS holds layers."""
    layers = topology.layers_in(Cloud.AWS)
    stores = (*layers, *topology.former_in(Cloud.AWS))
    for role in (role for role, cloud in topology.roles.items() if cloud is Cloud.AWS):
        yield "aws_lambda_function", names.name(role)
        yield "aws_iam_role", names.name(role)
        yield "aws_cloudwatch_log_group", function_log(names, role)
        if topology.is_receiver(role):
            yield "aws_api_gateway_rest_api", names.name(role)
            yield "aws_api_gateway_usage_plan", names.name(role)
        if role in READERS:
            yield "aws_cloudwatch_metric_alarm", refusals_alarm(names, role)
        if schedule := ROLES[role].schedule:
            yield "aws_iam_role", clock_role(names, role)
            yield "aws_scheduler_schedule_group", names.name(role)
            yield "aws_scheduler_schedule", names.name(role, str(schedule.partitions - 1))
            yield "aws_cloudwatch_metric_alarm", failed_alarm(names, role)
        if role in MOVERS:
            yield "aws_cloudwatch_metric_alarm", behind_alarm(names, role)
        if role is Role.COLD_MOVER:
            yield "aws_iam_role", expiry_switch(names)
            yield "aws_scheduler_schedule", expiry_switch(names)
    for queue in _queues(topology, layers):
        yield "aws_sqs_queue", names.name(queue)
        if queue.endswith("-dead"):
            yield "aws_cloudwatch_metric_alarm", names.name(queue)
    for link in topology.link_secrets_in(Cloud.AWS):
        yield "aws_secretsmanager_secret", link_secret(names, link.name)
    if Layer.ACQUISITION in layers:
        yield "aws_iot_topic_rule", telemetry_rule(names)
        yield "aws_iot_policy", names.name(DEVICE)
        yield "aws_iam_role", names.name(BROKER_ERRORS)
    if Layer.PROCESSING in layers:
        yield "aws_sfn_state_machine", names.name(WORKFLOW)
        yield "aws_sns_topic", names.name(WORKFLOW)
        yield "aws_iam_role", names.name(WORKFLOW)
        yield "aws_cloudwatch_log_group", workflow_log(names)
        yield "aws_dynamodb_table", names.name(STATE)
    if Layer.HOT_STORAGE in stores:
        yield "aws_dynamodb_table", names.name(STORE)
    if Layer.TWIN_MANAGEMENT in layers:
        yield "aws_cloudformation_stack", workspace(names)
        yield "aws_iam_role", names.name(GRAPH)
        yield "aws_s3_bucket", bucket(names, GRAPH, account=_ANY_ACCOUNT)
    if Layer.VISUALIZATION in layers:
        yield "aws_grafana_workspace", names.name(GRAFANA)
        yield "aws_iam_role", names.name(GRAFANA)
    if Layer.COLD_STORAGE in stores or Layer.ARCHIVE_STORAGE in stores:
        yield "aws_s3_bucket", bucket(names, FILES, account=_ANY_ACCOUNT)
    yield "aws_sns_topic", names.name(ALARMS)


def _queues(topology: Topology, layers: tuple[Layer, ...]) -> Iterator[str]:
    queues: list[str] = []
    if Layer.ACQUISITION in layers:
        queues += ["processing"]
        yield "telemetry-dead"
        if topology.is_receiver(Role.EVENT_FEEDBACK):
            yield "commands-dead"
        else:
            queues += ["commands"]
    if Layer.PROCESSING in layers:
        queues += ["processing", "persisting", "events"]
    if topology.is_receiver(Role.WRITER) and Layer.HOT_STORAGE in layers:
        yield "writing-dead"
    for queue in dict.fromkeys(queues):
        yield queue
        yield f"{queue}-dead"
