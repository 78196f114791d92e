variable "alias" {
  description = "Alias of the key."
  type        = string
}

variable "description" {
  description = "Description of the key."
  type        = string
}
