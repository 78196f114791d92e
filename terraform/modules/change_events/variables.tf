variable "bus_name" {
  description = "Name of the event bus and of its archive."
  type        = string
}

variable "reader_principal_arns" {
  description = "ARNs of the roles and users of product teams that can make rules on the bus."
  type        = list(string)
}
