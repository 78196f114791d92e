variable "environment" {
  description = "Name of the environment: dev, qa, prod, or local for the local cloud. Every resource name includes it."
  type        = string

  validation {
    condition     = contains(["local", "dev", "qa", "prod"], var.environment)
    error_message = "environment must be local, dev, qa or prod."
  }
}

variable "region" {
  description = "AWS Region."
  type        = string
  default     = "us-west-2"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS Region, such as us-west-2."
  }
}

variable "owner" {
  description = "Value of the tag owner: team that is responsible for the product."
  type        = string

  validation {
    condition     = length(trimspace(var.owner)) > 0
    error_message = "owner must not be empty."
  }
}

variable "product" {
  description = "Value of the tag product. Permissions on EMR clusters depend on this tag, so use the same value as in the main configuration."
  type        = string
  default     = "buyer-stage"

  validation {
    condition     = length(trimspace(var.product)) > 0
    error_message = "product must not be empty."
  }
}

variable "component" {
  description = "Value of the tag component: part of the product."
  type        = string
  default     = "bootstrap"

  validation {
    condition     = length(trimspace(var.component)) > 0
    error_message = "component must not be empty."
  }
}

variable "classification" {
  description = "Value of the tag classification: sensitivity of the data."
  type        = string
  default     = "internal"

  validation {
    condition     = length(trimspace(var.classification)) > 0
    error_message = "classification must not be empty."
  }
}

variable "github_repository" {
  description = "Repository whose workflows can deploy, as ORGANIZATION/REPOSITORY."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository must be ORGANIZATION/REPOSITORY, without wildcards."
  }
}

variable "github_repository_ids" {
  description = "Numeric ids of the same repository, as OWNER_ID/REPOSITORY_ID, if the repository's tokens contain them. Null if they contain names only. See docs/deployment.md."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository_ids == null || can(regex("^[0-9]+/[0-9]+$", var.github_repository_ids))
    error_message = "github_repository_ids must be OWNER_ID/REPOSITORY_ID, such as 123456/456789, without wildcards, or null."
  }
}

variable "github_oidc_provider_arn" {
  description = "ARN of the account's identity provider for GitHub, if the account already has one. Null creates one. An account can have only one."
  type        = string
  default     = null

  validation {
    condition = var.github_oidc_provider_arn == null || can(regex(
      "^arn:aws:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_oidc_provider_arn
    ))
    error_message = "github_oidc_provider_arn must be arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com, or null."
  }
}

variable "reader_principal_arns" {
  description = "ARNs of the IAM roles and users of product teams that can decrypt items of the table. Use the same list as in the main configuration. AWS refuses principals that do not exist."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.reader_principal_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/[\\w+=,.@/-]+$", arn))])
    error_message = "reader_principal_arns must contain ARNs of IAM users or roles, without wildcards."
  }
}

variable "datalake_buckets" {
  description = "Buckets of other teams that the pipelines read: the data lake, and the survey's bucket if it is another one."
  type        = list(string)

  validation {
    condition     = length(var.datalake_buckets) > 0 && alltrue([for name in var.datalake_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "datalake_buckets must name at least one bucket, without wildcards."
  }
}
