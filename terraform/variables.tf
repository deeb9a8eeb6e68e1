variable "release_files" {
  description = "The folder with the files of one release: template.yaml and the zip of the architecture."
  type        = string
}

variable "bucket" {
  description = "A bucket in the Region of the stack. The zip and the template are put there."
  type        = string
}

variable "stack_name" {
  description = "The name of the CloudFormation stack."
  type        = string
  default     = "bedrock-remediator"
}

variable "architecture" {
  description = "The processors that run the function: arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "parameters" {
  description = "Parameters of the stack, such as NotificationEmail and Mode. docs/configuration.md lists them all."
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of the stack and its resources."
  type        = map(string)
  default     = {}
}
