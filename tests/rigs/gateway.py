"""A real S3 gateway (Ceph's) on loopback, with a store made as a township would make it."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any, Literal

import msgspec
from botocore.exceptions import ClientError

from recorder.config import S3, Settings, Sync
from recorder.sync.stores import s3_bucket, s3_wire
from tests.rigs.tls import Authority

ROOT = Path(__file__).resolve().parent.parent.parent
RIG = ROOT / "tests" / "rigs" / "store"
POLICY = ROOT / "config" / "s3-policy.example.json"
DOCK = ROOT / "config" / "s3-dock-policy.example.json"
ARCHIVE = ROOT / "config" / "s3-archive-policy.example.json"

Release = Literal["lenient", "strict"]


class Gateway:
    """Up when constructed, with an administrator. ``close`` it. Needs root or sudo."""

    def __init__(self, release: Release, folder: Path) -> None:
        trees = ROOT / "var" / "rigs" / "store"
        subprocess.run([str(RIG / "mkroot.sh"), str(trees)], check=True, timeout=600)
        self.folder = folder
        self.port = _free_port()
        authority = Authority(folder)
        self.ca = authority.ca
        self.endpoint = f"https://127.0.0.1:{self.port}"
        self._log = (folder / "gateway.log").open("ab")
        self._rig = subprocess.Popen(
            [str(RIG / "gateway.sh"), str(trees / release), str(self.port), str(_free_port()),
             *map(str, authority.server())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, bufsize=1,
        )  # fmt: skip
        try:
            self._answer()
            self.start()
            self.admin_file = self.user("admin", "--caps=user-policy=*")
        except BaseException:
            self.close()
            raise

    def client(self, credentials: Path, service: str = "s3") -> Any:
        """A plain client of the same library, without any of the store's own care."""
        access, secret = s3_wire.credentials(credentials)
        options = s3_wire.options(20) if service == "s3" else None
        return s3_wire.session().create_client(
            service, region_name="default", endpoint_url=self.endpoint, verify=str(self.ca),
            aws_access_key_id=access, aws_secret_access_key=secret, config=options,
        )  # fmt: skip

    def settings(self, base: Settings, bucket: str, credentials: Path, **more: Any) -> Settings:
        """``base`` with this gateway's bucket as the store."""
        words = {"endpoint": self.endpoint, "ca": str(self.ca), "credentials": str(credentials)}
        s3 = S3(**{**words, **more})
        return msgspec.structs.replace(base, sync=Sync(store=f"s3://{bucket}", settle_s=0.1), s3=s3)

    def bucket(self, name: str, base: Settings) -> None:
        """`recorder provision store s3://NAME`, and the archive may read it."""
        s3_bucket.make(self.settings(base, name, self.admin_file), self.admin_file, name)
        policy = ARCHIVE.read_text(encoding="utf-8")
        self.client(self.admin_file).put_bucket_policy(
            Bucket=name, Policy=policy.replace("BUCKET", name).replace("ARCHIVE", "admin")
        )

    def device(self, name: str, bucket: str) -> Path:
        """A user with the example's policy for its own prefix; its credentials file."""
        path = self.user(name)
        policy = POLICY.read_text(encoding="utf-8")
        self.allow(name, policy.replace("BUCKET", bucket).replace("DEVICE", name))
        return path

    def dock(self, name: str, bucket: str) -> Path:
        """A dock's user, with the example's policy for it; its credentials file."""
        path = self.user(name)
        self.allow(name, DOCK.read_text(encoding="utf-8").replace("BUCKET", bucket))
        return path

    def allow(self, user: str, policy: str) -> None:
        """Give a user this policy instead of the one that it had."""
        json.loads(policy)
        self.client(self.admin_file, "iam").put_user_policy(
            UserName=user, PolicyName="sync", PolicyDocument=policy
        )

    def user(self, name: str, *more: str) -> Path:
        """A user who may do nothing yet; its credentials file."""
        access, secret = f"{name}-access", f"{name}-secret-0123456789"
        path = self.folder / f"{name}.toml"
        path.touch(mode=0o600)
        path.write_text(f'access_key = "{access}"\nsecret_key = "{secret}"\n')
        self.admin(
            "user", "create", f"--uid={name}", f"--display-name={name}",
            f"--access-key={access}", f"--secret-key={secret}", *more,
        )  # fmt: skip
        return path

    def admin(self, *words: str) -> None:
        """radosgw-admin; its failure is an error."""
        self._command(f"admin {' '.join(words)}")

    def start(self) -> None:
        """Start the gateway and wait until it listens."""
        self._command("start")

    def kill(self) -> None:
        """SIGKILL of the gateway; what it had acknowledged stays."""
        self._command("kill")

    def freeze(self) -> None:
        """SIGSTOP: it takes connections and answers nothing."""
        self._command("freeze")

    def thaw(self) -> None:
        """SIGCONT."""
        self._command("thaw")

    def _command(self, line: str) -> None:
        assert self._rig.stdin is not None
        self._rig.stdin.write(line + "\n")
        self._answer()

    def _answer(self) -> None:
        assert self._rig.stdout is not None
        answer = self._rig.stdout.readline().strip()
        if answer != "done":
            raise AssertionError(f"{answer}: {(self.folder / 'gateway.log').read_text()[-2000:]}")

    def close(self) -> None:
        """End it, with all of its processes and mounts."""
        assert self._rig.stdin is not None
        self._rig.stdin.close()
        self._rig.wait(30)
        self._log.close()


def denied(call: Any, **arguments: Any) -> None:
    """The gateway refuses the call."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, error
        return
    assert answer.get("Errors"), answer


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
