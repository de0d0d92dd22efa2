"""What runs beside the product: containers, services of the host, the demo."""
