#!/bin/sh
# Terraform, with the AWS provider that is on this machine: `init` takes it from a mirror where there is one, and from
# the network otherwise. For tests and for machines without network; elsewhere plain `terraform` does the same.
#
#   cd deploy && ../scripts/terraform.sh init && ../scripts/terraform.sh validate
#
# A mirror is a folder that holds HOST/NAMESPACE/TYPE/…, unpacked or zipped, as `terraform providers mirror` makes it.
# It is looked for in TF_PLUGIN_MIRROR, and where Terraform itself and packagers put it.
set -eu

command -v terraform >/dev/null 2>&1 || {
    echo "terraform is not on PATH. Install 1.11 or later: https://developer.hashicorp.com/terraform/install" >&2
    exit 1
}
# With the name of a file that is not there Terraform warns at every command.
if [ -n "${TF_CLI_CONFIG_FILE:-}" ] && [ ! -f "$TF_CLI_CONFIG_FILE" ]; then unset TF_CLI_CONFIG_FILE; fi
export CHECKPOINT_DISABLE=1

[ "${1:-}" = init ] || exec terraform "$@"
shift

platform=$(terraform version | sed -n 's/^on //p')
provider=hashicorp/aws

holds_provider() {
    for found in "$1"/*/"$provider"/*/"$platform" "$1"/*/"$provider"/terraform-provider-aws_*_"$platform".zip; do
        if [ -e "$found" ]; then return 0; fi
    done
    return 1
}

mirror=''
for place in "${TF_PLUGIN_MIRROR:-}" "$HOME/.terraform.d/plugins" \
    /usr/local/share/terraform/plugins /usr/share/terraform/plugins /opt/*; do
    if [ -n "$place" ] && holds_provider "$place"; then
        mirror=$place
        break
    fi
done
if [ -n "${TF_PLUGIN_MIRROR:-}" ] && [ "$mirror" != "$TF_PLUGIN_MIRROR" ]; then
    echo "TF_PLUGIN_MIRROR is $TF_PLUGIN_MIRROR, and there is no $provider for $platform in it." >&2
    exit 1
fi

terraform init ${mirror:+-plugin-dir="$mirror"} "$@" || {
    if [ -z "$mirror" ]; then
        echo "There is no AWS provider on this machine and none came by the network. On a machine that has one:" >&2
        echo "    cd deploy && terraform providers mirror -platform=$platform DIR" >&2
        echo "Bring DIR here and name it in TF_PLUGIN_MIRROR." >&2
    fi
    exit 1
}
