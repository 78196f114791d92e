resource "aws_lambda_function_url" "this" {
  function_name      = var.function_name
  qualifier          = var.alias
  authorization_type = "AWS_IAM"
}

locals {
  # A Function URL needs both permissions: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html. Version 5 of the
  # provider cannot limit lambda:InvokeFunction to calls through the URL (version 6.29 has invoked_via_function_url), so
  # that readers can also invoke the function directly: they get the same answers, but name themselves in our log.
  permissions = merge([
    for position, arn in var.reader_principal_arns : {
      "${position}-url"    = { principal = arn, action = "lambda:InvokeFunctionUrl", auth_type = "AWS_IAM" }
      "${position}-invoke" = { principal = arn, action = "lambda:InvokeFunction", auth_type = null }
    }
  ]...)
}

resource "aws_lambda_permission" "readers" {
  for_each = local.permissions

  statement_id           = "reader-${each.key}"
  function_name          = var.function_name
  qualifier              = var.alias
  principal              = each.value.principal
  action                 = each.value.action
  function_url_auth_type = each.value.auth_type
}
