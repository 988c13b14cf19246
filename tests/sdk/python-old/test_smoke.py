def test_a_customer_is_made_and_found(stripe):
    made = stripe.Customer.create(email="jenny@example.com")
    assert stripe.Customer.retrieve(made.id).email == "jenny@example.com"
