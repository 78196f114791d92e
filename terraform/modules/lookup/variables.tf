variable "function_name" {
  description = "Name of the function that answers."
  type        = string
}

variable "alias" {
  description = "Alias of the function that the URL calls."
  type        = string
}

variable "reader_principal_arns" {
  description = "ARNs of the IAM roles and users that can call the URL."
  type        = list(string)
}
