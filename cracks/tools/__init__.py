"""What people do with a trained classifier; built on the core, which never imports it."""
