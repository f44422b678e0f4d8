"""One AWS session for the whole process: credentials, endpoints and clients."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import ConfiguredEndpointProvider

from tally_pipeline.aws.settings import AwsSettings


@dataclass(frozen=True)
class RetryPolicy:
    """Timeouts for connecting to a service and for its answer (seconds), and the number of attempts in all.

    A sensor's tick has 60 s: a service that hangs must have failed by then.
    """

    connect_seconds: float = 5
    read_seconds: float = 12
    attempts: int = 4


class Aws:
    """The session. Contacts nothing until a client is used; may be shared by threads."""

    def __init__(self, settings: AwsSettings, patience: RetryPolicy | None = None) -> None:
        self.settings = settings
        self.patience = patience or RetryPolicy()
        self._core = botocore.session.get_session()
        self.session = boto3.Session(botocore_session=self._core, region_name=settings.region)
        self._clients: dict[str, Any] = {}
        # Threads may share clients, but must not create them at the same time.
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service ("s3", "sqs", "glue", …): the same one each time."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.session.client(service, config=self._config())
            return self._clients[service]

    def assuming(self, role: str, name: str) -> Aws:
        """The same AWS as a role sees it, for an hour at most; `name` is who assumed it, for AWS's own logs."""
        given = self.client("sts").assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
        assumed = Aws(self.settings, self.patience)
        assumed._core.set_credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return assumed

    def endpoint(self, service: str) -> str | None:
        """The endpoint set for a service in the environment or the profile; None for AWS's own."""
        if self._core.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        url: str | None = ConfiguredEndpointProvider(
            full_config=self._core.full_config,
            scoped_config=self._core.get_scoped_config(),
            client_name=service,
        ).provide()
        return url

    def _config(self) -> Config:
        return Config(
            connect_timeout=self.patience.connect_seconds,
            read_timeout=self.patience.read_seconds,
            retries={"mode": "standard", "total_max_attempts": self.patience.attempts},
        )
