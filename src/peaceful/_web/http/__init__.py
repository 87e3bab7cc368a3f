"""What the API and the pages share: access, requests, documents, errors, routes."""
