variable "name" {
  description = "Name of everything here. Starts with the name of your team, because the rules of all teams share a bus."
  type        = string
}

variable "event_bus_arn" {
  description = "ARN of the product's event bus."
  type        = string
}

variable "lookup_arn" {
  description = "ARN of the lookup: of its function, with the alias :live at the end."
  type        = string
}

variable "runs_as" {
  description = "Who takes the reader role: the AWS service that runs your code, or other principals."
  type        = object({ type = string, identifiers = list(string) })
  default     = { type = "Service", identifiers = ["lambda.amazonaws.com"] }
}
