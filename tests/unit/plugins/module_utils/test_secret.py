# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret, read_secret, read_secrets


@pytest.fixture
def credential(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("hunter2\n")
    path.chmod(0o400)
    return path


def test_it_does_not_show_itself() -> None:
    secret = Secret("hunter2")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != Secret("other")
    assert len({secret, Secret("hunter2")}) == 1
    assert not Secret("")


def test_a_credential_of_the_service_is_read_by_its_name(credential: Path) -> None:
    environment = {"CREDENTIALS_DIRECTORY": str(credential.parent)}
    assert read_secret("token", environment) == Secret("hunter2")
    credential.chmod(0o440)  # the mask of an access list
    assert read_secret("token", environment) == Secret("hunter2")


def test_a_file_is_read_by_its_path(credential: Path) -> None:
    assert read_secret(str(credential), {}) == Secret("hunter2")


def test_several_may_lie_in_one(credential: Path) -> None:
    credential.chmod(0o600)
    credential.write_text("# mine\n\none\n two \n")
    assert read_secrets(str(credential), {}) == [Secret("one"), Secret("two")]
    with pytest.raises(DeployError, match="2 lines"):
        read_secret(str(credential), {})


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644])
def test_one_that_others_may_read_is_refused(credential: Path, mode: int) -> None:
    credential.chmod(mode)
    with pytest.raises(DeployError, match=f"mode {mode:04o}") as raised:
        read_secret(str(credential), {})
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "seen"), [(b"", "an empty file"), (b"\n# no\n", "an empty file"), (b"hunter2\xff", "no UTF-8 text")]
)
def test_one_that_holds_no_secret_is_refused(credential: Path, content: bytes, seen: str) -> None:
    credential.chmod(0o600)
    credential.write_bytes(content)
    with pytest.raises(DeployError, match=seen) as raised:
        read_secret(str(credential), {})
    assert raised.value.__cause__ is None
    assert "hunter2" not in str(raised.value)


def test_a_missing_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="No such file"):
        read_secret(str(tmp_path / "none"), {})
    with pytest.raises(DeployError, match="token is to come from systemd"):
        read_secret("token", {})


def test_it_is_not_taken_along_by_accident() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))
