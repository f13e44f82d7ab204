//! One `netconf` channel of a connection: carries bytes and questions between the client, the session and the desk.
