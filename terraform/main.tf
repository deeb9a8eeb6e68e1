locals {
  # A folder with the zips of two releases is refused: `one` takes a single file.
  zip      = one(fileset(var.release_files, "bedrock-remediator-*-lambda-${var.architecture}.zip"))
  code     = "${var.release_files}/${local.zip}"
  template = "${var.release_files}/template.yaml"
}

data "aws_s3_bucket" "release" {
  bucket = var.bucket
}

# CloudFormation updates a stack only if a key or a URL changes, so both keys name the content.
resource "aws_s3_object" "code" {
  bucket      = data.aws_s3_bucket.release.id
  key         = "bedrock-remediator/${filesha256(local.code)}/${local.zip}"
  source      = local.code
  source_hash = filesha256(local.code)
}

# The template is larger than what CloudFormation takes in a request.
resource "aws_s3_object" "template" {
  bucket      = data.aws_s3_bucket.release.id
  key         = "bedrock-remediator/${filesha256(local.template)}/template.yaml"
  source      = local.template
  source_hash = filesha256(local.template)
}

resource "aws_cloudformation_stack" "this" {
  name         = var.stack_name
  template_url = "https://${data.aws_s3_bucket.release.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  tags         = var.tags

  # Terraform makes no change set, so the SAM transform needs CAPABILITY_AUTO_EXPAND.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  parameters = merge(var.parameters, {
    Architecture = var.architecture
    CodeBucket   = aws_s3_object.code.bucket
    CodeKey      = aws_s3_object.code.key
  })
}
