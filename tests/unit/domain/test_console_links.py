"""A link opens the console of the execution's partition and Region."""

import pytest

from buyer_stage.domain.console_links import execution_link


@pytest.mark.parametrize(
    ("partition", "region", "home"),
    [
        ("aws", "us-west-2", "https://us-west-2.console.aws.amazon.com/states/home?region=us-west-2"),
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/states/home?region=cn-north-1"),
        (
            "aws-us-gov",
            "us-gov-west-1",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/states/home?region=us-gov-west-1",
        ),
    ],
)
def test_link_opens_the_console_of_the_partition_and_region(partition: str, region: str, home: str) -> None:
    arn = f"arn:{partition}:states:{region}:123456789012:execution:buyer-stage-ml-pipeline-dev:one"

    assert execution_link(arn) == f"{home}#/v2/executions/details/{arn}"
