# The whole account's bill, for those who are told of it by mail: a budget for one project would need cost tags that
# somebody has to switch on.
resource "aws_budgets_budget" "month" {
  count = var.monthly_budget_usd > 0 && var.alert_email != null ? 1 : 0

  name         = "${local.name}-month"
  budget_type  = "COST"
  limit_amount = format("%.2f", var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type          = notification.key
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = [var.alert_email]
    }
  }
}
