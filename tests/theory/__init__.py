"""The core: claims, accuracy, namespaces, derivatives, errors."""
