"""The process of the local cloud: MiniStack with EMR, Glue and SageMaker that run jobs.

    python -m localcloud.server          (with .venv-localcloud)

`localcloud.cloud` sets its environment variables, starts it and stops it.
"""

import atexit

from ministack import app

from localcloud import access
from localcloud.corrections import (
    athena,
    cloudwatch,
    deliveries,
    event_buses,
    function_urls,
    lambda_functions,
    logs,
    notifications,
    repeated_requests,
    schedules,
    step_functions,
    trails,
)
from localcloud.jobs import emr, glue
from localcloud.jobs.staged_job import PROCESSES
from localcloud.policies import authorization, other_accounts
from localcloud.sagemaker import service as sagemaker


def serve() -> None:
    """Serve until a signal stops the process, then stop every job."""
    for service in (
        authorization,
        other_accounts,
        athena,
        cloudwatch,
        deliveries,
        emr,
        event_buses,
        function_urls,
        glue,
        lambda_functions,
        logs,
        notifications,
        repeated_requests,
        sagemaker,
        schedules,
        step_functions,
        trails,
        access,
    ):
        service.install()
    atexit.register(PROCESSES.stop_all)
    app.main()


if __name__ == "__main__":
    serve()
