"""One wrong field, one sentence: the path, what was given, the fix."""

import pytest

NAME_RULE = (
    "use 3–20 lowercase letters, digits and single hyphens; start with a letter, end with a letter or digit"
)
WORD_RULE = "use up to 64 letters, digits and underscores; start with a letter, end with a letter or digit"
DEVICE_RULE = (
    "use up to 128 letters, digits, ':', '_' and '-'; start with a letter or digit, as AWS IoT requires"
)
NEW_AWS = " If it is newer than the list of 2026-05-20, add skip_region_validation: true beside it."
RULE = "events.rules.0"
AWS = {"account_id": "123456789012"}
LAYERS = {"acquisition": "aws", "processing": "azure", "hot_storage": "gcp"}

CASES = {
    "unknown field": ("devicez", [], "devicez: is not a known field; did you mean 'devices'?"),
    "unknown deep field": (
        "clouds.azure.colour",
        "red",
        "clouds.azure.colour: is not a known field; use skip_region_validation, location, operators or "
        "subscription_id",
    ),
    "unknown field of a type": (
        "device_types.thermostat.telemetri",
        {},
        "device_types.thermostat.telemetri: is not a known field; did you mean 'telemetry'?",
    ),
    "missing field": ("twin", ..., "twin: is missing; add it, for example twin: factory"),
    "name too short": ("twin", "ab", f"twin: 'ab' is not allowed; {NAME_RULE}"),
    "name too long": ("twin", "a" * 21, f"twin: '{'a' * 21}' is not allowed; {NAME_RULE}"),
    "name upper case": ("twin", "Factory", f"twin: 'Factory' is not allowed; {NAME_RULE}"),
    "name double hyphen": ("twin", "fac--tory", f"twin: 'fac--tory' is not allowed; {NAME_RULE}"),
    "name trailing hyphen": ("twin", "factory-", f"twin: 'factory-' is not allowed; {NAME_RULE}"),
    "name with newline": ("twin", "factory\n", f"twin: 'factory\\n' is not allowed; {NAME_RULE}"),
    "name is a number": ("twin", 12345, "twin: must be text, got 12345; put it in quotes: '12345'"),
    "unknown cloud": (
        "layers.processing",
        "azur",
        "layers.processing: 'azur' is not a cloud; did you mean 'azure'?",
    ),
    "missing layer": (
        "layers.acquisition",
        ...,
        "layers.acquisition: is missing; add it, for example acquisition: aws",
    ),
    "unknown cloud of a tier": (
        "layers.cold_storage",
        "moon",
        "layers.cold_storage: 'moon' is not a cloud; use aws, azure, gcp or none",
    ),
    "archive without cold": (
        "layers",
        {
            "acquisition": "aws",
            "processing": "azure",
            "hot_storage": "gcp",
            "cold_storage": "none",
            "archive_storage": "aws",
        },
        "layers.archive_storage: is aws, but the archive takes its data from cold_storage, which is none; "
        "give cold_storage a cloud, or write archive_storage: none",
    ),
    "no twin management": (
        "layers.twin_management",
        "none",
        "layers.twin_management: 'none' is not a cloud; use aws, azure or gcp",
    ),
    "cloud without entry": (
        "clouds.gcp",
        ...,
        "clouds.gcp: is missing, but hot_storage is in gcp; add gcp: {project: my-project, region: "
        "europe-west1}",
    ),
    "clouds missing": (
        "clouds",
        ...,
        "clouds: is missing; add it, for example clouds: {aws: {region: eu-central-1, account_id: "
        '"123456789012"}}',
    ),
    "aws region misspelt": (
        "clouds.aws.region",
        "eu-centrl-1",
        "clouds.aws.region: 'eu-centrl-1' is not a known aws region; did you mean 'eu-central-1'?" + NEW_AWS,
    ),
    "aws region with letters swapped": (
        "clouds.aws.region",
        "us-esat-1",
        "clouds.aws.region: 'us-esat-1' is not a known aws region; did you mean 'us-east-1'?" + NEW_AWS,
    ),
    "cloud by its company": (
        "layers.acquisition",
        "Google",
        "layers.acquisition: 'Google' is not a cloud; did you mean 'gcp'?",
    ),
    "aws zone": (
        "clouds.aws.region",
        "eu-central-1a",
        "clouds.aws.region: 'eu-central-1a' is not how aws writes this region; write eu-central-1",
    ),
    "aws nonsense": (
        "clouds.aws.region",
        "Frankfurt",
        "clouds.aws.region: 'Frankfurt' is not a known aws region; write it like eu-central-1",
    ),
    "aws china": (
        "clouds.aws.region",
        "cn-north-1",
        "clouds.aws.region: 'cn-north-1' is in a separate (China or government) cloud; choose a "
        "public region of aws",
    ),
    "azure display name": (
        "clouds.azure.location",
        "West Europe",
        "clouds.azure.location: 'West Europe' is not how azure writes this location; write westeurope",
    ),
    "azure upper case": (
        "clouds.azure.location",
        "WestEurope",
        "clouds.azure.location: 'WestEurope' is not how azure writes this location; write westeurope",
    ),
    "gcp zone": (
        "clouds.gcp.region",
        "europe-west1-b",
        "clouds.gcp.region: 'europe-west1-b' is not how gcp writes this region; write europe-west1",
    ),
    "subscription": (
        "clouds.azure.subscription_id",
        "my-subscription",
        "clouds.azure.subscription_id: 'my-subscription' is not a subscription id; write the UUID "
        "from `az account show`",
    ),
    "operator": (
        "clouds.azure.operators",
        ["me@example.com"],
        "clouds.azure.operators[0]: 'me@example.com' is not an object id of Entra ID; write the UUID "
        "from `az ad signed-in-user show --query id`",
    ),
    "project": (
        "clouds.gcp.project",
        "My Project",
        "clouds.gcp.project: 'My Project' is not a project id; write the id (not the name or number), "
        "6–30 lowercase letters, digits and hyphens; start with a letter, end with a letter or digit",
    ),
    "no device type": (
        "device_types",
        {},
        "device_types: is empty; give at least one entry, for example device_types: "
        "{thermostat: {telemetry: {temperature: {type: number, unit: Cel}}}}",
    ),
    "type name": (
        "device_types.heat-pump",
        {"telemetry": {"t": {"type": "number"}}},
        f"device_types.heat-pump: 'heat-pump' is not allowed; {WORD_RULE}",
    ),
    "metric name": (
        "device_types.thermostat.telemetry.1st",
        {"type": "number"},
        f"device_types.thermostat.telemetry.1st: '1st' is not allowed; {WORD_RULE}",
    ),
    "command name": (
        "device_types.thermostat.commands.go_",
        {"type": "number"},
        f"device_types.thermostat.commands.go_: 'go_' is not allowed; {WORD_RULE}",
    ),
    "no metric": (
        "device_types.pump",
        {"telemetry": {}},
        "device_types.pump.telemetry: is empty; give at least one entry, for example telemetry: "
        "{temperature: {type: number, unit: Cel}}",
    ),
    "metric type": (
        "device_types.thermostat.telemetry.cycles.type",
        "int",
        "device_types.thermostat.telemetry.cycles.type: 'int' is not a type; did you mean 'integer'?",
    ),
    "metric is text": (
        "device_types.thermostat.telemetry.cycles",
        "integer",
        "device_types.thermostat.telemetry.cycles: must be a mapping, got 'integer'; write its "
        "fields below it",
    ),
    "clock is a number": (
        "device_types.thermostat.clock",
        {"ahead": 60},
        "device_types.thermostat.clock.ahead: 60 is not a duration; write a whole number with its unit, such "
        "as 60s, 60m, 60h or 60d",
    ),
    "clock too far ahead": (
        "device_types.thermostat.clock",
        {"ahead": "2h"},
        "device_types.thermostat.clock.ahead: must be at most 1h, got 2h; write 1h or less",
    ),
    "clock too far behind": (
        "device_types.thermostat.clock",
        {"behind": "367d"},
        "device_types.thermostat.clock.behind: must be at most 366d, got 367d; write 366d or less",
    ),
    "reading outside of the clock's limits": (
        "device_types.thermostat.clock",
        {"outside": "drop"},
        "device_types.thermostat.clock.outside: 'drop' is not allowed; use keep or refuse",
    ),
    "rate": (
        "device_types.thermostat.rate",
        {"per_second": 0},
        "device_types.thermostat.rate.per_second: must be at least 1, got 0; write 1 or more",
    ),
    "burst smaller than a message": (
        "device_types.thermostat.rate",
        {"burst": 100},
        "device_types.thermostat.rate.burst: must be at least 500, got 100; write 500 or more",
    ),
    "devices are a mapping": (
        "devices",
        {"thermostat-1": "thermostat"},
        "devices: must be a list, got a mapping; start each entry with '- '",
    ),
    "device id": ("devices.0.id", "valve 1", f"devices[0].id: 'valve 1' is not allowed; {DEVICE_RULE}"),
    "long device id": (
        "devices.0.id",
        "v" * 129,
        f"devices[0].id: '{'v' * 60}'… (129 characters) is not allowed; {DEVICE_RULE}",
    ),
    "numeric device id": ("devices.0.id", 17, "devices[0].id: must be text, got 17; put it in quotes: '17'"),
    "duplicate device": (
        "devices.1",
        {"id": "thermostat-1", "type": "thermostat"},
        "devices[1].id: 'thermostat-1' is already the id of devices[0]; give each its own id",
    ),
    "device of unknown type": (
        "devices.0.type",
        "thermostad",
        "devices[0].type: 'thermostad' is not a device type of this file; did you mean 'thermostat'?",
    ),
    "hot days too many": (
        "retention",
        {"hot_days": 24856, "cold_days": 30000, "archive_days": 40000},
        "retention.hot_days: must be at most 24825, got 24856; write 24825 or less",
    ),
    "days too few": (
        "retention.hot_days",
        0,
        "retention.hot_days: must be at least 1, got 0; write 1 or more",
    ),
    "archive days too many": (
        "retention.archive_days",
        100000,
        "retention.archive_days: must be at most 99999, got 100000; write 99999 or less",
    ),
    "retention out of order": (
        "retention",
        {"hot_days": 30, "cold_days": 30, "archive_days": 365},
        "retention: out of order: cold_days is 30, and must be more than hot_days, which is 30; "
        "write cold_days: 31 or more",
    ),
    "retention against a default": (
        "retention",
        {"hot_days": 100},
        "retention: out of order: cold_days is 90, its default, and must be more than hot_days, "
        "which is 100; "
        "write cold_days: 101 or more",
    ),
    "days with underscore": (
        "retention.archive_days",
        "3_650",
        "retention.archive_days: must be a whole number, got '3_650'; write 3650, without quotes",
    ),
    "fraction of a day": (
        "retention.hot_days",
        1.5,
        "retention.hot_days: must be a whole number, got 1.5; write digits alone, without quotes",
    ),
    "reserved metric": (
        "device_types.thermostat.telemetry",
        {"temperature": {"type": "number"}, "time": {"type": "string"}},
        "device_types.thermostat.telemetry.time: 'time' is a field of the device's message; "
        "use a name other than data, id, time, traceparent",
    ),
    "alerts": (
        "alerts",
        {"email": "ops at example.com"},
        "alerts.email: 'ops at example.com' is not allowed; "
        "write one e-mail address, for example ops@example.com",
    ),
    "read_api": ("read_api", "on", "read_api: must be true or false, got 'on'; write true, without quotes"),
    "workflow path": (
        "events.workflow",
        "flow.json",
        "events.workflow: flow.json does not exist; give the path of a workflow definition",
    ),
    "workflow is a folder": (
        "events.workflow",
        "processors",
        "events.workflow: processors is a folder; give the path of a workflow definition",
    ),
    "backend kind": (
        "backend.type",
        "azure",
        "backend.type: 'azure' is not a kind of backend; did you mean 'azurerm'?",
    ),
    "backend without kind": (
        "backend",
        {"bucket": "b"},
        "backend.type: is missing; use local, s3, azurerm, gcs or remote",
    ),
    "backend argument missing": (
        "backend",
        {"type": "gcs"},
        "backend.bucket: is missing; add it, for example bucket: my-terraform-state",
    ),
    "backend argument unknown": (
        "backend",
        {"type": "azurerm", "storage_account_name": "a", "container_name": "c", "keyy": "{stack}"},
        "backend.keyy: is not a known field; did you mean 'key'?",
    ),
    "backend of one state": (
        "backend",
        {"type": "s3", "bucket": "b", "region": "eu-central-1", "key": "state"},
        "backend.key: 'state' would store the state of every stack in one place; add {stack} to it",
    ),
    "backend with an expression": (
        "backend",
        {"type": "gcs", "bucket": "b", "prefix": "${twin}/{stack}"},
        "backend.prefix: '${twin}/{stack}' contains '${', which starts a Terraform expression; write "
        "{twin}/{stack}",
    ),
    "backend with a directive": (
        "backend",
        {"type": "gcs", "bucket": "%{ if true }b%{ endif }"},
        "backend.bucket: '%{ if true }b%{ endif }' contains '%{', which starts a Terraform expression; "
        "write the value itself",
    ),
    "account without quotes": (
        "clouds.aws.account_id",
        123456789012,
        "clouds.aws.account_id: must be text, got 123456789012; put it in quotes: '123456789012'",
    ),
    "account too short": (
        "clouds.aws.account_id",
        "1234",
        "clouds.aws.account_id: '1234' is not an AWS account id; write its 12 digits in quotes, from "
        "`aws sts get-caller-identity`",
    ),
    "secret in the backend": (
        "backend",
        {"type": "s3", "bucket": "b", "region": "eu-central-1", "secret_key": "hush"},
        "backend.secret_key: is a secret and must not be in this file; remove it and set "
        "AWS_SECRET_ACCESS_KEY "
        "in the environment",
    ),
    "account missing": (
        "clouds.aws.account_id",
        ...,
        'clouds.aws.account_id: is missing; add it, for example account_id: "123456789012"',
    ),
    "backend of two twins": (
        "backend",
        {"type": "s3", "bucket": "b", "region": "eu-central-1", "key": "{stack}.tfstate"},
        "backend.key: '{stack}.tfstate' would store the states of two twins in one place; add {twin} to it",
    ),
    "generation": ("keys.generation", 0, "keys.generation: must be at least 1, got 0; write 1 or more"),
    "generation is a fraction": (
        "keys.generation",
        2.5,
        "keys.generation: must be a whole number, got 2.5; write digits alone, without quotes",
    ),
    "every key revoked": (
        "keys",
        {"generation": 2, "revoked_before": 3},
        "keys: revoked_before is 3, which revokes every key up to the generation 2; "
        "write revoked_before: 2, or raise generation",
    ),
    "client's name": (
        "read_api",
        {"clients": ["ERP system"]},
        "read_api.clients[0].name: 'ERP system' is not allowed; use up to 20 lowercase letters, digits and "
        "single hyphens; start with a letter, end with a letter or digit",
    ),
    "client twice": (
        "read_api",
        {"clients": ["erp", {"name": "erp", "generation": 2}]},
        "read_api.clients: 'erp' is given twice; keep one of them",
    ),
    "client of no name": (
        "read_api",
        {"clients": [{"generation": 2}]},
        "read_api.clients[0].name: is missing; add it, for example name: erp",
    ),
    "client is a number": (
        "read_api",
        {"clients": [7]},
        "read_api.clients[0]: must be a mapping, got 7; write its fields below it",
    ),
    "client's keys all revoked": (
        "read_api",
        {"clients": [{"name": "erp", "revoked_before": 2}]},
        "read_api.clients[0]: revoked_before is 2, which revokes every key up to the generation 1; "
        "write revoked_before: 1, or raise generation",
    ),
    "no client": (
        "read_api",
        {"clients": []},
        "read_api.clients: is empty; give at least one entry, for example clients: "
        "[erp, {name: mobile, generation: 2}]",
    ),
    "field of read_api": (
        "read_api",
        {"client": ["erp"], "clients": ["erp"]},
        "read_api.client: is not a known field; did you mean 'clients'?",
    ),
    "protected layer": (
        "protect",
        {"hot_storag": True},
        "protect: 'hot_storag' is not a layer; did you mean 'hot_storage'?",
    ),
    "protected by a word": (
        "protect",
        {"hot_storage": "yes"},
        "protect: hot_storage must be true or false, got 'yes'",
    ),
    "protect is a list": (
        "protect",
        ["hot_storage"],
        "protect: must be true, false or a layer with true or false, got a list",
    ),
    "former layer": (
        "former",
        ["hot_storage"],
        "former[0]: 'hot_storage' lacks its cloud; use hot_storage@aws, hot_storage@azure or hot_storage@gcp",
    ),
    "former layer without a store": (
        "former",
        ["processing@azure"],
        "former[0]: 'processing@azure' is not a store that can stay; use "
        "hot_storage@aws, hot_storage@azure, hot_storage@gcp, cold_storage@aws, cold_storage@azure, "
        "cold_storage@gcp, archive_storage@aws, archive_storage@azure or archive_storage@gcp",
    ),
    "former is a number": (
        "former",
        [7],
        "former[0]: must be <layer>@<cloud>, such as hot_storage@aws, got 7",
    ),
    "former twice": (
        "former",
        ["hot_storage@azure", "hot_storage@azure"],
        "former[1]: 'hot_storage@azure' is given twice; keep one of them",
    ),
    "former where the layer is": (
        "former",
        ["hot_storage@gcp"],
        "former[0]: 'hot_storage@gcp' is still in gcp; remove this line",
    ),
    "former where the other tier of files is": (
        "layers",
        {**LAYERS, "cold_storage": "azure", "archive_storage": "gcp"},
        "former[0]: 'cold_storage@gcp' has the same files as archive_storage, which is still in gcp; "
        "remove this line",
        {"former": ["cold_storage@gcp"]},
    ),
    "former in a default cloud": (
        "former",
        ["archive_storage@gcp"],
        "former[0]: 'archive_storage@gcp' is still in gcp; remove this line",
    ),
    "former in a cloud without entry": (
        "layers",
        {**LAYERS, "acquisition": "gcp"},
        "former[0]: 'hot_storage@aws' needs clouds.aws; add aws: {region: eu-central-1, account_id: "
        '"<12 digits>"}',
        {"former": ["hot_storage@aws"], "clouds.aws": ...},
    ),
    "tag in upper case": (
        "tags",
        {"CostCenter": "4711"},
        "tags.CostCenter: 'CostCenter' is not allowed; use up to 63 lowercase letters, digits, '_' and '-', "
        "as Google Cloud requires; start with a letter",
    ),
    "tag of Twinspan's": (
        "tags",
        {"layer": "top"},
        "tags.layer: 'layer' is a tag of Twinspan's own; use a name other than twin, layer, role",
    ),
    "tag of a cloud's": (
        "tags",
        {"aws-team": "x"},
        "tags.aws-team: 'aws-team' starts with 'aws', which a cloud reserves; use another name",
    ),
    "tag is a number": (
        "tags",
        {"cost": 4711},
        "tags.cost: must be text, got 4711; put it in quotes: '4711'",
    ),
    "tag's value": (
        "tags",
        {"owner": "Ops team"},
        "tags.owner: 'Ops team' is not allowed; use up to 63 lowercase letters, digits, '_' and '-', as "
        "Google Cloud requires",
    ),
    "many tags": (
        "tags",
        {f"tag-{i}": "x" for i in range(21)},
        "tags: has 21 tags; a resource takes at most 20",
    ),
    "device's key": ("devices.0.key", 0, "devices[0].key: must be at least 1, got 0; write 1 or more"),
    "revoked device": (
        "devices.0.revoked",
        "yes",
        "devices[0].revoked: must be true or false, got 'yes'; write true, without quotes",
    ),
    "remote workspace": (
        "backend",
        {"type": "remote", "organization": "o", "workspaces": {"name": "w"}},
        "backend.workspaces.name: 'w' would store the state of every stack in one place; add {stack} to it",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_wrong_field(changed, case):
    where, value, said, *more = case
    assert changed(where, value, *more) == [said]


def test_every_backend_misses_its_required_arguments(changed):
    assert [text.split(":")[0] for text in changed("backend", {"type": "azurerm"})] == [
        "backend.container_name",
        "backend.storage_account_name",
    ]
    assert [text.split(":")[0] for text in changed("backend", {"type": "s3"})] == [
        "backend.bucket",
        "backend.region",
    ]
    assert [text.split(":")[0] for text in changed("backend", {"type": "remote"})] == ["backend.organization"]
    assert changed("backend", {"type": "local"}) == []


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("clouds.aws", {**AWS, "region": "eu-central-9", "skip_region_validation": True}),
        ("clouds.azure.skip_region_validation", True),
        ("clouds.gcp", {"project": "my-project", "region": "moon-north1", "skip_region_validation": True}),
        ("devices.0", {"id": "aa:bb:cc_1", "type": "thermostat"}),
        ("twin", "a-1"),
        ("devices", []),
        ("device_types.pump", {"telemetry": {"flow": {"type": "number"}}}),
        ("read_api", {"clients": ["erp"]}),
        ("read_api", False),
        ("protect", False),
        ("protect", {"hot_storage": False, "twin_management": True}),
        ("former", ["hot_storage@aws", "hot_storage@azure", "cold_storage@aws"]),
        ("tags", {}),
        ("keys", {"generation": 7, "revoked_before": 7}),
        ("devices.0", {"id": "thermostat-1", "type": "thermostat", "key": 2, "revoked": True}),
        ("backend", {"type": "remote", "organization": "o", "workspaces": {"name": "w-{twin}-{stack}"}}),
    ],
)
def test_accepted(changed, where, value):
    assert changed(where, value) == []


def test_unused_cloud_entry_is_fine(changed):
    assert changed("layers", {"acquisition": "aws", "processing": "aws", "hot_storage": "aws"}) == []


def test_a_new_region_must_still_look_like_one(changed):
    said = changed("clouds.aws", {**AWS, "region": "Mars", "skip_region_validation": True})
    assert said == ["clouds.aws.region: 'Mars' is not a known aws region; write it like eu-central-1"]
