"""Which attributes of a resource other resources set, in the AWS provider 5.100. A refresh shows them as changed.

Found in the provider's schema: computed attributes, and blocks that the provider fills in, of types that have resources
of their own for a part of them. ``tests/integration/test_guard_real.py`` compares every name with the schema. What a
plan would set back is not here, such as the capacity of a table that scales: it differs from the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ElementSource:
    """A type whose resources are elements of an attribute of another resource.

    Attributes:
        type: the type.
        names: its attributes, each with the label of an element, or with a list of labels.
        only: attributes with the values that it must have.
    """

    type: str
    names: tuple[str, ...]
    only: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Elements:
    """An attribute whose elements other resources set one by one.

    Attributes:
        members: the members of an element of which the first that is set is its label; empty if it is its own label.
        sources: the types that set elements.
        rules: the elements are those of a security group, each of several rules.
    """

    members: tuple[str, ...]
    sources: tuple[ElementSource, ...]
    rules: bool = False


def _policy(*types: str) -> Mapping[str, tuple[str, ...]]:
    return {"policy": types}


_CLUSTER_MEMBERS = "cluster_members"
_GLOBAL = ("db_cluster_arn",)

SET_BY_SIBLINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "aws_s3_bucket": {
        "acceleration_status": ("aws_s3_bucket_accelerate_configuration",),
        "acl": ("aws_s3_bucket_acl",),
        "cors_rule": ("aws_s3_bucket_cors_configuration",),
        "grant": ("aws_s3_bucket_acl",),
        "lifecycle_rule": ("aws_s3_bucket_lifecycle_configuration",),
        "logging": ("aws_s3_bucket_logging",),
        "object_lock_configuration": ("aws_s3_bucket_object_lock_configuration",),
        "object_lock_enabled": ("aws_s3_bucket_object_lock_configuration",),
        "policy": ("aws_s3_bucket_policy",),
        "replication_configuration": ("aws_s3_bucket_replication_configuration",),
        "request_payer": ("aws_s3_bucket_request_payment_configuration",),
        "server_side_encryption_configuration": ("aws_s3_bucket_server_side_encryption_configuration",),
        "versioning": ("aws_s3_bucket_versioning",),
        "website": ("aws_s3_bucket_website_configuration",),
        "website_domain": ("aws_s3_bucket_website_configuration",),
        "website_endpoint": ("aws_s3_bucket_website_configuration",),
    },
    "aws_api_gateway_rest_api": _policy("aws_api_gateway_rest_api_policy"),
    "aws_cognito_user_pool": {
        "custom_domain": ("aws_cognito_user_pool_domain",),
        "domain": ("aws_cognito_user_pool_domain",),
    },
    "aws_efs_file_system": {"protection": ("aws_efs_replication_configuration",)},
    "aws_eip": dict.fromkeys(
        ("association_id", "instance", "network_interface", "private_dns", "private_ip"),
        ("aws_eip_association", "aws_nat_gateway"),
    ),
    "aws_elasticsearch_domain": {"access_policies": ("aws_elasticsearch_domain_policy",)},
    "aws_guardduty_detector": {"datasources": ("aws_guardduty_detector_feature",)},
    "aws_instance": dict.fromkeys(("public_dns", "public_ip"), ("aws_eip", "aws_eip_association")),
    "aws_internet_gateway": {"vpc_id": ("aws_internet_gateway_attachment",)},
    "aws_kms_key": _policy("aws_kms_key_policy"),
    "aws_lightsail_instance": dict.fromkeys(
        ("is_static_ip", "public_ip_address"), ("aws_lightsail_static_ip_attachment",)
    ),
    "aws_network_interface": {"attachment": ("aws_network_interface_attachment",)},
    "aws_opensearch_domain": {"access_policies": ("aws_opensearch_domain_policy",)},
    "aws_secretsmanager_secret": _policy("aws_secretsmanager_secret_policy"),
    "aws_sns_topic": _policy("aws_sns_topic_policy"),
    "aws_sqs_queue": {
        **_policy("aws_sqs_queue_policy"),
        "redrive_allow_policy": ("aws_sqs_queue_redrive_allow_policy",),
        "redrive_policy": ("aws_sqs_queue_redrive_policy",),
    },
    "aws_vpc": {
        "dhcp_options_id": ("aws_vpc_dhcp_options_association",),
        "ipv6_association_id": ("aws_vpc_ipv6_cidr_block_association",),
        "ipv6_cidr_block": ("aws_vpc_ipv6_cidr_block_association",),
        "main_route_table_id": ("aws_main_route_table_association",),
    },
    "aws_vpc_endpoint": _policy("aws_vpc_endpoint_policy"),
    "aws_vpn_gateway": {"vpc_id": ("aws_vpn_gateway_attachment",)},
}
"""Type -> attribute -> the types that set the whole of it."""

_RULES = ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")
_GROUP: Mapping[str, Elements] = {
    way: Elements(
        (), (ElementSource("aws_security_group_rule", (), {"type": way}), ElementSource(kind, ())), rules=True
    )
    for way, kind in zip(("ingress", "egress"), _RULES, strict=True)
}
_ROUTES: Mapping[str, Elements] = {
    "route": Elements(
        ("cidr_block", "ipv6_cidr_block", "destination_prefix_list_id"),
        (
            ElementSource(
                "aws_route",
                ("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"),
            ),
        ),
    ),
    "propagating_vgws": Elements((), (ElementSource("aws_vpn_gateway_route_propagation", ("vpn_gateway_id",)),)),
}
_ACL: Mapping[str, Elements] = {
    "ingress": Elements(("rule_no",), (ElementSource("aws_network_acl_rule", ("rule_number",)),)),
    "egress": Elements(("rule_no",), (ElementSource("aws_network_acl_rule", ("rule_number",)),)),
    "subnet_ids": Elements((), (ElementSource("aws_network_acl_association", ("subnet_id",)),)),
}


def _one(type_: str, *names: str, members: tuple[str, ...] = ()) -> Elements:
    return Elements(members, (ElementSource(type_, names),))


ELEMENTS_OF_SIBLINGS: Mapping[str, Mapping[str, Elements]] = {
    "aws_iam_role": {
        "inline_policy": Elements(
            ("name",),
            (
                ElementSource("aws_iam_role_policy", ("name",)),
                ElementSource("aws_iam_role_policies_exclusive", ("policy_names",)),
            ),
        ),
        "managed_policy_arns": Elements(
            (),
            (
                ElementSource("aws_iam_role_policy_attachment", ("policy_arn",)),
                ElementSource("aws_iam_role_policy_attachments_exclusive", ("policy_arns",)),
                ElementSource("aws_iam_policy_attachment", ("policy_arn",)),
            ),
        ),
    },
    "aws_security_group": _GROUP,
    "aws_default_security_group": _GROUP,
    "aws_route_table": _ROUTES,
    "aws_default_route_table": {"route": _ROUTES["route"]},
    "aws_network_acl": _ACL,
    "aws_default_network_acl": {each: _ACL[each] for each in ("ingress", "egress")},
    "aws_autoscaling_group": {
        "load_balancers": _one("aws_autoscaling_attachment", "elb"),
        "target_group_arns": _one("aws_autoscaling_attachment", "lb_target_group_arn"),
    },
    "aws_db_instance": {"replicas": _one("aws_db_instance", "identifier", "id")},
    "aws_docdb_cluster": {_CLUSTER_MEMBERS: _one("aws_docdb_cluster_instance", "identifier", "id")},
    "aws_docdb_global_cluster": {
        "global_cluster_members": _one("aws_docdb_cluster", "arn", members=_GLOBAL),
    },
    "aws_ec2_managed_prefix_list": {"entry": _one("aws_ec2_managed_prefix_list_entry", "cidr", members=("cidr",))},
    "aws_elasticache_replication_group": {"member_clusters": _one("aws_elasticache_cluster", "cluster_id")},
    "aws_elb": {"instances": _one("aws_elb_attachment", "instance")},
    "aws_instance": {
        "ebs_block_device": _one("aws_volume_attachment", "volume_id", members=("volume_id",)),
        "vpc_security_group_ids": _one("aws_network_interface_sg_attachment", "security_group_id"),
    },
    "aws_neptune_cluster": {_CLUSTER_MEMBERS: _one("aws_neptune_cluster_instance", "identifier", "id")},
    "aws_neptune_global_cluster": {
        "global_cluster_members": _one("aws_neptune_cluster", "arn", members=_GLOBAL),
    },
    "aws_network_interface": {
        "security_groups": _one("aws_network_interface_sg_attachment", "security_group_id"),
    },
    "aws_rds_cluster": {
        _CLUSTER_MEMBERS: _one("aws_rds_cluster_instance", "identifier", "id"),
        "iam_roles": _one("aws_rds_cluster_role_association", "role_arn"),
    },
    "aws_rds_global_cluster": {"global_cluster_members": _one("aws_rds_cluster", "arn", members=_GLOBAL)},
    "aws_redshift_cluster": {"iam_roles": _one("aws_redshift_cluster_iam_roles", "iam_role_arns")},
    "aws_vpc_endpoint": {
        "route_table_ids": _one("aws_vpc_endpoint_route_table_association", "route_table_id"),
        "security_group_ids": _one("aws_vpc_endpoint_security_group_association", "security_group_id"),
        "subnet_ids": _one("aws_vpc_endpoint_subnet_association", "subnet_id"),
    },
    "aws_vpc_endpoint_service": {
        "allowed_principals": _one("aws_vpc_endpoint_service_allowed_principal", "principal_arn"),
    },
    "aws_vpn_connection": {
        "routes": _one("aws_vpn_connection_route", "destination_cidr_block", members=("destination_cidr_block",)),
    },
}
"""Type -> attribute -> what sets its elements. An element that none of them sets was changed outside Terraform."""

COUNTED_BY_AWS: Mapping[str, frozenset[str]] = {
    "aws_autoscaling_group": frozenset({"predicted_capacity", "warm_pool_size"}),
    "aws_backup_vault": frozenset({"recovery_points"}),
    "aws_cognito_user_pool": frozenset({"estimated_number_of_users", "last_modified_date"}),
    "aws_db_instance": frozenset({"latest_restorable_time"}),
    "aws_efs_file_system": frozenset({"number_of_mount_targets", "size_in_bytes"}),
    "aws_iam_policy": frozenset({"attachment_count"}),
    "aws_lb_target_group": frozenset({"load_balancer_arns"}),
    "aws_organizations_organization": frozenset({"accounts", "non_master_accounts"}),
    "aws_organizations_organizational_unit": frozenset({"accounts"}),
}
"""Type -> attributes that no configuration can set, and that change with the use of the resource."""
