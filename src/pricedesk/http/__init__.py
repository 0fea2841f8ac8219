"""HTTP for both programs: messages and routes without sockets, and the server around them."""
