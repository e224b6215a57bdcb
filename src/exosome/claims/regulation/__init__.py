"""What is allowed: rules as tables, facts in three values, a trace of every rule asked.

Nothing here is legal or medical advice.
"""
