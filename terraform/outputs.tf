output "outputs" {
  description = "Every output of the stack by its name, such as TableName and PeopleTopicArn."
  value       = aws_cloudformation_stack.this.outputs
}

output "people_topic_arn" {
  description = "Subscribe here to get the notices."
  value       = aws_cloudformation_stack.this.outputs["PeopleTopicArn"]
}

output "operator_topic_arn" {
  description = "Subscribe here to get the alarms about the function itself."
  value       = aws_cloudformation_stack.this.outputs["OperatorTopicArn"]
}

output "function_role_arn" {
  description = "The function's role; hub_role_arn of the members."
  value       = aws_cloudformation_stack.this.outputs["FunctionRoleArn"]
}

output "members_bus_arn" {
  description = "Where the members send their events; hub_bus_arn of the members. Null without OrganizationId."
  value       = lookup(aws_cloudformation_stack.this.outputs, "MembersBusArn", null)
}
