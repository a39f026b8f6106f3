"""L5: Grafana on Cloud Run. It reads its dashboards and data sources from files."""

import json
from functools import cache
from pathlib import Path

from twin_runtime.roles import Layer
from twinspan import contracts, datasource, outputs
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.functions import INVOKE
from twinspan.gcp.shared.secret import READ as READ_SECRET
from twinspan.gcp.shared.secret import Secret
from twinspan.gcp.shared.waits import Wait
from twinspan.gcp.tiers import READ
from twinspan.providers import AssetType, Construct, TerraformAsset
from twinspan.providers.gcp import (
    CloudRunV2Service,
    CloudRunV2ServiceIamMember,
    CloudRunV2ServiceTemplate,
    CloudRunV2ServiceTemplateContainers,
    CloudRunV2ServiceTemplateContainersEnv,
    CloudRunV2ServiceTemplateContainersEnvValueSource,
    CloudRunV2ServiceTemplateContainersEnvValueSourceSecretKeyRef,
    CloudRunV2ServiceTemplateContainersPorts,
    CloudRunV2ServiceTemplateContainersResources,
    CloudRunV2ServiceTemplateContainersStartupProbe,
    CloudRunV2ServiceTemplateContainersStartupProbeHttpGet,
    CloudRunV2ServiceTemplateContainersVolumeMounts,
    CloudRunV2ServiceTemplateScaling,
    CloudRunV2ServiceTemplateVolumes,
    CloudRunV2ServiceTemplateVolumesGcs,
    CloudRunV2ServiceTemplateVolumesSecret,
    CloudRunV2ServiceTemplateVolumesSecretItems,
    ProjectIamMember,
    SecretManagerSecretIamMember,
    StorageBucket,
    StorageBucketIamMember,
    StorageBucketObject,
)
from twinspan.providers.random import RandomPassword
from twinspan.terraform.resources import Ref, place

READ_METRICS = "roles/monitoring.viewer"
IMAGE = "docker.io/grafana/grafana:12.4.5"
PORT = 3000
USER = "admin"
PROVISIONING = "/etc/grafana/provisioning"
READABLE = 0o444
"""Cloud Run's default, which it answers with: left out, it would be a change in each plan."""
PROVIDER = "twinspan.yaml"
"""The file that tells Grafana to load the dashboards from its own folder."""
_DASHBOARDS = {
    "apiVersion": 1,
    "providers": [
        {
            "name": "twinspan",
            "folder": "Twin",
            "folderUid": datasource.UID,
            "type": "file",
            "disableDeletion": False,
            "allowUiUpdates": False,
            "updateIntervalSeconds": 60,
            "options": {"path": f"{PROVISIONING}/dashboards"},
        }
    ],
}
_SETTINGS = {
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_AUTH_ANONYMOUS_ENABLED": "false",
    "GF_PLUGINS_PREINSTALL_SYNC": f"{datasource.PLUGIN}@{datasource.PLUGIN_VERSION}",
    "GF_SECURITY_ADMIN_USER": USER,
    "GF_SECURITY_COOKIE_SECURE": "true",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_USERS_ALLOW_SIGN_UP": "false",
}


@cache
def _command() -> str:
    return Path(__file__).with_name("grafana.sh").read_text(encoding="utf-8")


class Dashboards(Construct):
    """One instance of Grafana, which ends when nobody looks. People enter with the user `admin`, whose
    password is in Secret Manager. Output `grafana_url`.

    What is changed in it by hand (users, preferences, dashboards of one's own) goes when the instance does:
    its database is in memory. What is generated comes from files each time.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        self._labels = foundation.twin.labels(Layer.VISUALIZATION, "grafana")
        self._name = foundation.twin.names.name(names.GRAFANA)
        self._account = foundation.account(self, names.GRAFANA, purpose="Grafana")
        self._needs: list[str] = []
        # A wait of its own: it begins anew where `settled` must not, when Grafana leaves this cloud.
        self._settled = Wait(self, names.GRAFANA)
        self._needs.append(self._settled.over.address)
        self._bucket = self._files()
        self._password = self._admin()
        metrics = ProjectIamMember(
            self,
            "metrics",
            project=foundation.project,
            role=READ_METRICS,
            member=self._account["member"],
        )
        placed = place(metrics, "grafana_metrics")
        foundation.inventory.grant(placed, to=names.GRAFANA, may=READ_METRICS, project=foundation.project)
        self._settled.needs("grafana_metrics", placed["id"])
        self.address = self._name

    def keep_with(self, function: contracts.Function) -> None:
        """No-op: Grafana reads its files."""

    def read_by(self, secret: contracts.Secret) -> None:
        """Start Grafana, with the data source's file from the link's secret.

        Where `links` writes the secret, it does so after this stack; until then the file names no source.
        """
        link = self._foundation.twin.topology.link("dashboards")
        own = contracts.own(secret, Secret)
        if link.wired:
            own.write(datasource.without_key())
        self._needs.append(f"google_secret_manager_secret_version.link_{link.name}")
        self._may_read(own.ref, f"link_{link.name}_grafana")
        service = place(self._service(own.ref), "grafana")
        public = CloudRunV2ServiceIamMember(
            self,
            "public",
            project=self._foundation.project,
            location=self._foundation.region,
            name=service["name"],
            role=INVOKE,
            member=names.EVERYBODY,  # Grafana authenticates people
        )
        placed = place(public, "grafana_public")
        self._foundation.inventory.grant(placed, to=names.PUBLIC, may=INVOKE, on=service)
        admin = names.in_region(self._foundation.twin.names, names.GRAFANA_ADMIN)
        outputs.publish_grafana(
            self, service["uri"], sign_in=f"Sign in as {USER}; the password is in the secret {admin}."
        )

    def _files(self) -> Ref:
        """The bucket with the dashboards, which Grafana sees as a folder."""
        foundation = self._foundation
        bucket = StorageBucket(
            self,
            "bucket",
            name=names.bucket(foundation.twin.names, names.DASHBOARDS),
            location=foundation.region.upper(),  # the API answers in capitals
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            force_destroy=True,  # it holds only what synth makes again
            labels=self._labels,
            depends_on=foundation.ready,
        )
        placed = place(bucket, "dashboards")
        reader = StorageBucketIamMember(
            self,
            "reader",
            bucket=placed["name"],
            role=READ,
            member=self._account["member"],
        )
        granted = place(reader, "dashboards_grafana")
        foundation.inventory.grant(granted, to=names.GRAFANA, may=READ, on=placed)
        self._settled.needs("dashboards_grafana", granted["id"])
        provider = StorageBucketObject(
            self, "provider", bucket=placed["name"], name=PROVIDER, content=json.dumps(_DASHBOARDS)
        )
        self._needs.append(place(provider, "dashboards_provider").address)
        for file, path in foundation.dashboards.items():
            name = file.removeprefix(f"{foundation.twin.config.name}-")
            asset = TerraformAsset(self, f"asset-{name}", path=str(path), type=AssetType.FILE)
            made = StorageBucketObject(
                self, f"object-{name}", bucket=placed["name"], name=name, source=asset.path
            )
            place(made, "dashboard_" + name.removesuffix(".json").replace("-", "_"))
        return placed

    def _admin(self) -> Ref:
        """The secret with the administrator's password."""
        self._foundation.need_random()
        password = place(RandomPassword(self, "password"), "grafana_admin")
        secret = Secret(
            self,
            "admin",
            foundation=self._foundation,
            name=names.in_region(self._foundation.twin.names, names.GRAFANA_ADMIN),
            key="grafana_admin",
            labels=self._labels,
        )
        secret.write(password["result"])
        self._needs.append("google_secret_manager_secret_version.grafana_admin")
        self._may_read(secret.ref, "grafana_admin_grafana")
        return secret.ref

    def _may_read(self, secret: Ref, address: str) -> None:
        """Cloud Run makes no service that may not read its secrets."""
        reader = SecretManagerSecretIamMember(
            self,
            f"read-{address}",
            secret_id=secret["secret_id"],
            role=READ_SECRET,
            member=self._account["member"],
        )
        placed = place(reader, address)
        self._foundation.inventory.grant(placed, to=names.GRAFANA, may=READ_SECRET, on=secret)
        self._settled.needs(address, placed["id"])

    def _service(self, secret: Ref) -> CloudRunV2Service:
        service = CloudRunV2Service(
            self,
            "service",
            name=self._name,
            location=self._foundation.region,
            ingress="INGRESS_TRAFFIC_ALL",
            deletion_protection=False,
            labels=self._labels,
            template=CloudRunV2ServiceTemplate(
                service_account=self._account["email"],
                execution_environment="EXECUTION_ENVIRONMENT_GEN2",  # the first generation mounts no bucket
                # Two would each have users and sessions of their own.
                scaling=CloudRunV2ServiceTemplateScaling(min_instance_count=0, max_instance_count=1),
                containers=[self._container()],
                volumes=[
                    CloudRunV2ServiceTemplateVolumes(
                        name="dashboards",
                        gcs=CloudRunV2ServiceTemplateVolumesGcs(bucket=self._bucket["name"], read_only=True),
                    ),
                    CloudRunV2ServiceTemplateVolumes(
                        name="datasources",
                        secret=CloudRunV2ServiceTemplateVolumesSecret(
                            secret=secret["secret_id"],
                            default_mode=READABLE,
                            items=[
                                CloudRunV2ServiceTemplateVolumesSecretItems(
                                    path="twinspan.yaml", version="latest"
                                )
                            ],
                        ),
                    ),
                ],
                labels=self._labels,
            ),
        )
        service.add_override("depends_on", self._needs)
        return service

    def _container(self) -> CloudRunV2ServiceTemplateContainers:
        password = CloudRunV2ServiceTemplateContainersEnv(
            name="GF_SECURITY_ADMIN_PASSWORD",
            value_source=CloudRunV2ServiceTemplateContainersEnvValueSource(
                secret_key_ref=CloudRunV2ServiceTemplateContainersEnvValueSourceSecretKeyRef(
                    secret=self._password["secret_id"], version="latest"
                )
            ),
        )
        settings = [
            CloudRunV2ServiceTemplateContainersEnv(name=name, value=value)
            for name, value in _SETTINGS.items()
        ]
        return CloudRunV2ServiceTemplateContainers(
            image=IMAGE,
            command=["/bin/sh", "-c"],
            args=[_command()],
            ports=CloudRunV2ServiceTemplateContainersPorts(container_port=PORT),
            env=[*settings, password],
            resources=CloudRunV2ServiceTemplateContainersResources(
                limits={"cpu": "1", "memory": "1Gi"}, cpu_idle=True, startup_cpu_boost=True
            ),
            # Before it listens it downloads the plugin.
            startup_probe=CloudRunV2ServiceTemplateContainersStartupProbe(
                http_get=CloudRunV2ServiceTemplateContainersStartupProbeHttpGet(
                    path="/api/health", port=PORT
                ),
                period_seconds=10,
                timeout_seconds=5,
                failure_threshold=24,
            ),
            volume_mounts=[
                CloudRunV2ServiceTemplateContainersVolumeMounts(
                    name="dashboards", mount_path=f"{PROVISIONING}/dashboards"
                ),
                CloudRunV2ServiceTemplateContainersVolumeMounts(
                    name="datasources", mount_path=f"{PROVISIONING}/datasources"
                ),
            ],
        )
