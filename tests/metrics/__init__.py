"""The built-in metrics of plugins/tfloss_metrics."""
