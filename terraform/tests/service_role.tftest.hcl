# Who can take a role, and what limits it. The real provider renders the policies; the runs never reach AWS.
provider "aws" {
  region                      = "us-west-2"
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name                     = "buyer-stage-example-dev"
  service                  = "lambda.amazonaws.com"
  policy                   = "{}"
  permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
}

run "service_takes_the_role_for_this_account_only" {
  command = plan

  module {
    source = "./modules/service_role"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = "123456789012" } }
    }]
    error_message = "The trust policy is ${aws_iam_role.this.assume_role_policy}"
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.permissions_boundary_arn
    error_message = "The role has no permissions boundary."
  }
}

run "service_takes_the_role_for_one_resource_only" {
  command = plan

  module {
    source = "./modules/service_role"
  }

  variables {
    source_arn = "arn:aws:scheduler:us-west-2:123456789012:schedule-group/example"
  }

  assert {
    condition = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == {
      ArnEquals    = { "aws:SourceArn" = var.source_arn }
      StringEquals = { "aws:SourceAccount" = "123456789012" }
    }
    error_message = "The trust policy is ${aws_iam_role.this.assume_role_policy}"
  }
}

run "ec2_takes_the_role_although_it_does_not_send_the_account" {
  command = plan

  module {
    source = "./modules/service_role"
  }

  variables {
    service = "ec2.amazonaws.com"
  }

  assert {
    condition     = !can(jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition)
    error_message = "The trust policy is ${aws_iam_role.this.assume_role_policy}"
  }
}
