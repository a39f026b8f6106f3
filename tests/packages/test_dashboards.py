"""Where the dashboards are: in the package of the function that keeps them, or beside it."""

import zipfile
from pathlib import Path

import pytest

from support.layouts import Layout, twin_config
from twin_runtime.roles import Cloud
from twinspan import dashboards, packaging


@pytest.mark.parametrize("cloud", [Cloud.AWS, Cloud.AZURE])
def test_dashboards_are_where_dashboard_sync_runs(cloud: Cloud, tmp_path: Path) -> None:
    config = twin_config(Layout(Cloud.AWS, Cloud.AZURE, Cloud.GCP, l5=cloud))
    for each in Cloud:
        package = packaging.build(config, each, tmp_path)
        assert not package.dashboards
        with zipfile.ZipFile(package.path) as archive:
            found = {name: archive.read(name) for name in archive.namelist() if is_dashboards(name)}
        if each is cloud:
            generated = dashboards.generate(config)
            assert found.pop("grafana.json")
            assert found == {f"dashboards/{name}": content for name, content in generated.items()}
        else:
            assert not found


def test_a_grafana_that_reads_files_has_its_dashboards_beside_the_package(tmp_path: Path) -> None:
    config = twin_config(Layout(Cloud.AWS, Cloud.AZURE, Cloud.GCP, l5=Cloud.GCP))
    for cloud in Cloud:
        package = packaging.build(config, cloud, tmp_path)
        with zipfile.ZipFile(package.path) as archive:
            assert not [name for name in archive.namelist() if is_dashboards(name)]
        written = {name: path.read_bytes() for name, path in package.dashboards.items()}
        assert written == (dashboards.generate(config) if cloud is Cloud.GCP else {})


def is_dashboards(name: str) -> bool:
    return name.startswith("dashboards/") or name == "grafana.json"
