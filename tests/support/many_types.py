"""A root with many types of resources, none of which needs an answer of AWS to be planned."""

from __future__ import annotations

_TYPES = """\
aws_api_gateway_documentation_version rest_api_id version
aws_api_gateway_gateway_response response_type rest_api_id
aws_api_gateway_rest_api_policy policy rest_api_id
aws_apigatewayv2_integration_response api_id integration_id integration_response_key
aws_apigatewayv2_route_response api_id route_id route_response_key
aws_appconfig_application name
aws_appstream_stack name
aws_autoscaling_policy autoscaling_group_name name
aws_backup_vault name
aws_cloudfrontkeyvaluestore_keys_exclusive key_value_store_arn
aws_cloudsearch_domain_service_access_policy access_policy domain_name
aws_cloudtrail_event_data_store name
aws_cloudwatch_log_index_policy log_group_name policy_document
aws_connect_user_hierarchy_group instance_id name
aws_default_network_acl default_network_acl_id
aws_devicefarm_network_profile name project_arn
aws_dms_replication_instance replication_instance_class replication_instance_id
aws_docdb_event_subscription sns_topic_arn
aws_dsql_cluster
aws_ec2_instance_connect_endpoint subnet_id
aws_iam_role assume_role_policy
aws_iot_role_alias alias role_arn
aws_iot_thing_group_membership thing_group_name thing_name
aws_iot_thing_principal_attachment principal thing
aws_lambda_runtime_management_config function_name
aws_lightsail_domain domain_name
aws_lightsail_static_ip name
aws_location_place_index data_source index_name
aws_media_store_container_policy container_name policy
aws_mskconnect_worker_configuration name properties_file_content
aws_network_interface_sg_attachment network_interface_id security_group_id
aws_notifications_channel_association arn notification_configuration_arn
aws_oam_sink name
aws_opsworks_rails_app_layer stack_id
aws_ram_resource_association resource_arn resource_share_arn
aws_rds_cluster_parameter_group family
aws_redshift_endpoint_access cluster_identifier endpoint_name subnet_group_name
aws_redshift_integration integration_name source_arn target_arn
aws_route53_hosted_zone_dnssec hosted_zone_id
aws_route53_resolver_firewall_domain_list name
aws_route53_resolver_firewall_rule_group name
aws_route53profiles_resource_association name profile_id resource_arn
aws_s3_bucket_metric bucket name
aws_s3_bucket_object_lock_configuration bucket
aws_s3tables_table_bucket_policy resource_policy table_bucket_arn
aws_schemas_registry name
aws_schemas_registry_policy policy registry_name
aws_securityhub_standards_subscription standards_arn
aws_ses_configuration_set name
aws_ses_receipt_rule name rule_set_name
aws_sesv2_email_identity_mail_from_attributes email_identity
aws_sfn_activity name
aws_sns_topic
aws_transfer_tag key resource_arn value
aws_verifiedaccess_group verifiedaccess_instance_id
aws_verifiedpermissions_policy_template policy_store_id statement
aws_vpc_route_server_vpc_association route_server_id vpc_id
aws_vpclattice_service_network_service_association service_identifier service_network_identifier
aws_wafregional_regex_pattern_set name
aws_wafregional_size_constraint_set name
"""
"""Type and required arguments, a line each: all are text. Both libraries that the provider is made with have some."""


def many_resources(copies: int) -> str:
    """A block for each type, with ``count``."""
    return "".join(_block(*line.split(), copies=copies) for line in _TYPES.splitlines())


def _block(type_: str, *arguments: str, copies: int) -> str:
    values = "".join(f'  {name} = "{_value(name)}"\n' for name in arguments)
    return f'resource "{type_}" "this" {{\n  count = {copies}\n{values}}}\n'


def _value(argument: str) -> str:
    if "arn" in argument:
        return "arn:aws:sns:eu-west-1:123456789012:x"
    return "{}" if "policy" in argument or "document" in argument else "x-1"
