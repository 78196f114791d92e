"""The local cloud's process: MiniStack with EMR, Glue and SageMaker that do their work.

    python -m localcloud.server          (in the local cloud's own environment; configured by environment variables)

`localcloud.cloud` starts and stops it.
"""

import atexit

from ministack.app import main

from localcloud.corrections import athena, cloudwatch, lambda_functions, logs, schedules, step_functions
from localcloud.jobs import emr, glue
from localcloud.jobs.staged_job import PROCESSES
from localcloud.policies import authorization
from localcloud.sagemaker import service as sagemaker


def serve() -> None:
    """Serve until told to stop, then stop every job too."""
    for service in (
        authorization,
        athena,
        cloudwatch,
        emr,
        glue,
        lambda_functions,
        logs,
        sagemaker,
        schedules,
        step_functions,
    ):
        service.install()
    atexit.register(PROCESSES.stop_all)
    main()


if __name__ == "__main__":
    serve()
