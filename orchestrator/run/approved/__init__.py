"""Plans that travel: kept by ``orch plan --store`` or ``--out``, applied by ``orch apply --approved``."""
