"""What the API answers, as models: the OpenAPI document is made of them, and a test holds every answer to them."""
