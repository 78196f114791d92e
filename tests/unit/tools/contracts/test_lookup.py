"""The OpenAPI document says what the lookup answers."""

from tools.contracts.lookup import attributes, openapi, schemas


def test_a_batch_has_the_limits_that_the_lookup_checks() -> None:
    request = schemas()["BatchRequest"]
    assert (request["additionalProperties"], request["required"]) == (False, ["member_ids"])
    ids = request["properties"]["member_ids"]
    assert (ids["minItems"], ids["maxItems"]) == (1, 100)
    pattern = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
    assert ids["items"] == {"type": "string", "minLength": 1, "maxLength": 2048, "pattern": pattern}
    assert ids["description"] == "The members, 1 to 100; repeated ones count once in the answer."


def test_stages_are_an_enumeration_and_inherited_fields_are_described() -> None:
    found = schemas()
    assert found["Stage"]["enum"] == ["Dreamer", "Casual Searcher", "Active Searcher", "Ready To Transact"]
    answer = found["MemberAnswer"]["properties"]
    assert answer["value"]["description"] == "The stage."
    assert answer["as_of"]["description"] == "The live snapshot, for which the stage holds."


def test_a_description_over_several_lines_is_one_text() -> None:
    class Documented:
        """Something.

        Attributes:
            first: starts here
                and ends here.
            second: another.
        """

    assert attributes(Documented) == {"first": "starts here and ends here.", "second": "another."}


def test_every_operation_has_a_name_and_says_how_it_fails() -> None:
    for path in openapi()["paths"].values():
        for operation in path.values():
            assert operation["operationId"]
            assert {"200", "400", "403", "429", "500", "503"} <= operation["responses"].keys()
