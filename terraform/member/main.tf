resource "aws_cloudformation_stack" "this" {
  name          = var.stack_name
  template_body = file("${var.release_files}/member.yaml")
  tags          = var.tags

  # The member's role has a name, which the hub knows.
  capabilities = ["CAPABILITY_NAMED_IAM"]

  parameters = merge(var.parameters, {
    HubBusArn      = var.hub_bus_arn
    HubRoleArn     = var.hub_role_arn
    OrganizationId = var.organization_id
    RoleRegion     = var.role_region
  })
}
