# The token is written, never read back: neither the state nor a plan holds it.
# By hand: aws ssm put-parameter --name NAME --type SecureString --overwrite --value "$TOKEN"
resource "aws_ssm_parameter" "tmdb_token" {
  #checkov:skip=CKV_AWS_337:The key that AWS manages for SSM costs nothing; one of one's own costs $1 a month
  name             = local.token_name
  description      = "TMDB's API Read Access Token. The pipeline reads it at run time."
  type             = "SecureString"
  value_wo         = var.tmdb_token == null ? "unset" : var.tmdb_token
  value_wo_version = var.tmdb_token_version
}
