def test_a_customer_is_made_and_found(client):
    made = client.v1.customers.create({"email": "jenny@example.com"})
    assert client.v1.customers.retrieve(made.id).email == "jenny@example.com"
