# Readers get items and call the lookup. The local cloud shows what the policies allow.
mock_provider "aws" {
  source = "./tests"
}

variables {
  readers = ["arn:aws:iam::111111111111:role/one", "arn:aws:iam::222222222222:role/two"]
}

run "table_opens_to_the_readers_and_denies_them_the_rest" {
  command = plan

  module {
    source = "./modules/serving_table"
  }

  variables {
    table_name            = "buyer-stage-ml-pipeline-results-prod"
    kms_key_arn           = "arn:aws:kms:us-west-2:123456789012:key/environment"
    deletion_protection   = true
    reader_principal_arns = var.readers
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.readers[0].statement :
      one(statement.principals).identifiers == toset(var.readers)
    ])
    error_message = "The table's policy is about others than the readers."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.readers[0].statement :
      (statement.effect == "Deny" ? statement.not_actions : statement.actions) == toset(["dynamodb:BatchGetItem", "dynamodb:GetItem"])
    ])
    error_message = "Readers can do more or less than get items."
  }
}

run "readers_make_rules_and_send_nothing" {
  command = plan

  module {
    source = "./modules/change_events"
  }

  variables {
    bus_name              = "buyer-stage-prod"
    reader_principal_arns = var.readers
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.readers[0].statement :
      one(statement.principals).identifiers == toset(var.readers)
    ])
    error_message = "The bus's policy is about others than the readers."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.readers[0].statement :
      statement.sid => [coalesce(statement.effect, "Allow"), contains(statement.actions, "events:PutEvents")]
    } == { ReadersManageTheirRules = ["Allow", false], ReadersSendNothing = ["Deny", true] }
    error_message = "Readers can send events."
  }

  # A team of another account needs no other permission from this account to make a rule that sends events to its own bus.
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.readers[0].statement :
      length(setsubtract(["events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:DeleteRule"], statement.actions)) == 0 &&
      endswith(one(statement.resources), ":rule/buyer-stage-prod/*") if statement.sid == "ReadersManageTheirRules"
    ])
    error_message = "A team cannot make or delete a rule, or can do so on another bus."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.readers[0].statement :
      one(statement.condition).test == "StringEqualsIfExists" &&
      one(statement.condition).variable == "events:creatorAccount" &&
      one(one(statement.condition).values) == "$${aws:PrincipalAccount}"
      if statement.sid == "ReadersManageTheirRules"
    ])
    error_message = "A reader can change the rules of another account."
  }

  assert {
    condition     = aws_cloudwatch_event_archive.this.retention_days == 14
    error_message = "Events of members are kept for another time than docs/privacy.md says."
  }
}

run "bus_without_readers_has_no_policy" {
  command = plan

  module {
    source = "./modules/change_events"
  }

  variables {
    bus_name              = "buyer-stage-prod"
    reader_principal_arns = []
  }

  assert {
    condition     = length(aws_cloudwatch_event_bus_policy.readers) == 0
    error_message = "The bus is open to someone."
  }
}

run "url_needs_a_signature_and_a_permission" {
  command = plan

  module {
    source = "./modules/lookup"
  }

  variables {
    function_name         = "buyer-stage-look-up-stage-prod"
    alias                 = "live"
    reader_principal_arns = var.readers
  }

  assert {
    condition     = aws_lambda_function_url.this.authorization_type == "AWS_IAM" && aws_lambda_function_url.this.qualifier == "live"
    error_message = "The URL answers without a signature, or not from the live version."
  }

  assert {
    condition = toset([for permission in aws_lambda_permission.readers : "${permission.principal} ${permission.action}"]) == toset(flatten([
      for arn in var.readers : ["${arn} lambda:InvokeFunctionUrl", "${arn} lambda:InvokeFunction"]
    ]))
    error_message = "A reader lacks one of the two permissions that a Function URL needs."
  }
}
