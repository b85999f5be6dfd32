"""Rules' values as protobuf messages and back."""
