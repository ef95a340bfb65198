"""The hosted page of a setup session: where a person enters the credentials that a product asks for.

`model` is what a page shows and the socket `Setup` behind it, `questions` makes a form of a connector type
and checks what was entered, `routes` answers. No cookie is set; a link's secret stands in the address and in
the form, and nowhere else.
"""
