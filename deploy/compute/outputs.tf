output "open_ui" {
  description = "Run this, then open http://127.0.0.1:3000. It needs AWS's CLI with the Session Manager plugin."
  value       = "aws ssm start-session --region ${local.settings.AWS_REGION} --target ${aws_instance.dagster.id} --document-name AWS-StartPortForwardingSession --parameters portNumber=3000,localPortNumber=3000"
}

output "open_shell" {
  description = "A shell on the machine. How it was installed and started: sudo journalctl --unit tally-install --unit tally"
  value       = "aws ssm start-session --region ${local.settings.AWS_REGION} --target ${aws_instance.dagster.id}"
}
