variable "alias" {
  description = "Alias of the key."
  type        = string
}

variable "description" {
  description = "What the key encrypts."
  type        = string
}
