variable "environment" {
  description = "Which environment this account, or part of an account, is for; part of every name."
  type        = string

  validation {
    condition     = contains(["dev", "qa", "prod"], var.environment)
    error_message = "The environment is one of dev, qa, prod."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "us-west-2"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region is spelled like us-west-2."
  }
}

variable "owner" {
  description = "Tag: the team that answers for this product."
  type        = string

  validation {
    condition     = length(trimspace(var.owner)) > 0
    error_message = "The owner is a team's name."
  }
}

variable "product" {
  description = "Tag: the product that this belongs to; also what tells our keys from others."
  type        = string
  default     = "buyer-stage"

  validation {
    condition     = length(trimspace(var.product)) > 0
    error_message = "The product is a name, the same as the main configuration's."
  }
}

variable "component" {
  description = "Tag: the part of the product."
  type        = string
  default     = "bootstrap"

  validation {
    condition     = length(trimspace(var.component)) > 0
    error_message = "The component is a name."
  }
}

variable "classification" {
  description = "Tag: how sensitive the data is."
  type        = string
  default     = "internal"

  validation {
    condition     = length(trimspace(var.classification)) > 0
    error_message = "The classification is one of your organization's."
  }
}

variable "github_repository" {
  description = "Repository whose workflows may deploy, as ORGANIZATION/REPOSITORY."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "The repository is spelled ORGANIZATION/REPOSITORY, without wildcards."
  }
}

variable "github_oidc_provider_arn" {
  description = "The account's identity provider for GitHub, when it has one already; null to make it. An account has at most one."
  type        = string
  default     = null

  validation {
    condition = var.github_oidc_provider_arn == null || can(regex(
      "^arn:aws:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_oidc_provider_arn
    ))
    error_message = "The provider is arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that must bound every role that the apply role makes; null for none. The main configuration is given the same."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "The boundary is the ARN of an IAM policy."
  }
}

variable "github_roles_boundary_arn" {
  description = "Policy that bounds the plan and the apply role themselves; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.github_roles_boundary_arn == null || can(regex("^arn:aws:iam::([0-9]{12}|aws):policy/.+$", var.github_roles_boundary_arn))
    error_message = "The boundary is the ARN of an IAM policy."
  }
}
