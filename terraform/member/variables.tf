variable "release_files" {
  description = "The folder with the files of one release: member.yaml."
  type        = string
}

variable "hub_bus_arn" {
  description = "The hub's output members_bus_arn."
  type        = string
}

variable "hub_role_arn" {
  description = "The hub's output function_role_arn."
  type        = string
}

variable "organization_id" {
  description = "The organization; only a principal of it may assume the member's role."
  type        = string
}

variable "role_region" {
  description = "The Region whose stack makes the role. IAM is global, so one stack of the account makes it."
  type        = string
}

variable "stack_name" {
  description = "The name of the CloudFormation stack."
  type        = string
  default     = "bedrock-remediator-member"
}

variable "parameters" {
  description = "More parameters of the stack, such as Mode. docs/organization.md describes them."
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of the stack and its resources."
  type        = map(string)
  default     = {}
}
