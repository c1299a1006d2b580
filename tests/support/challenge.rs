//! A strict reader of `WWW-Authenticate` (RFC 9110 §11.6.1), written from the grammar and not from the
//! crate. It knows `auth-param`s and no `token68`, since no `Bearer` challenge has one.

/// One challenge, as a client reads it.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge {
    pub scheme: String,
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(held, _)| held == name);
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} occurs twice in {self:?}");
        Some(value)
    }

    pub fn names(&self) -> Vec<&str> {
        self.parameters.iter().map(|(name, _)| &**name).collect()
    }
}

/// Reads the one `Bearer` challenge of a response.
pub fn bearer(headers: &http::HeaderMap) -> Challenge {
    let mut values = headers.get_all("www-authenticate").iter();
    let value = values.next().expect("a challenge");
    assert!(values.next().is_none(), "several WWW-Authenticate headers");
    let mut challenges = parse(value.as_bytes()).unwrap_or_else(|why| panic!("{why}: {value:?}"));
    assert_eq!(challenges.len(), 1, "{value:?}");
    let challenge = challenges.remove(0);
    assert_eq!(challenge.scheme, "Bearer");
    challenge
}

/// Reads a list of challenges.
pub fn parse(value: &[u8]) -> Result<Vec<Challenge>, String> {
    let mut reader = Reader { rest: value };
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        let word = reader.token()?;
        if reader.take(b'=') {
            let parameter = (word.to_ascii_lowercase(), reader.value()?);
            let challenge = challenges.last_mut().ok_or("a parameter of no challenge")?;
            challenge.parameters.push(parameter);
        } else {
            challenges.push(Challenge {
                scheme: word,
                parameters: Vec::new(),
            });
            if reader.spaces() > 0 && !reader.rest.is_empty() && reader.rest[0] != b',' {
                let name = reader.token()?.to_ascii_lowercase();
                if !reader.take(b'=') {
                    return Err(format!("{name} has no value"));
                }
                let parameter = (name, reader.value()?);
                challenges.last_mut().unwrap().parameters.push(parameter);
            }
        }
        reader.spaces();
        if reader.rest.is_empty() {
            return Ok(challenges);
        }
        if !reader.take(b',') {
            return Err(format!("no comma before {:?}", text(reader.rest)));
        }
        reader.spaces();
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn token(&mut self) -> Result<String, String> {
        let is_tchar = |b: &&u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
        let length = self.rest.iter().take_while(is_tchar).count();
        if length == 0 {
            return Err(format!("no token at {:?}", text(self.rest)));
        }
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(text(token))
    }

    fn value(&mut self) -> Result<String, String> {
        if !self.take(b'"') {
            return self.token();
        }
        let mut value = Vec::new();
        loop {
            let (&byte, rest) = self.rest.split_first().ok_or("an open quote")?;
            self.rest = rest;
            match byte {
                b'"' => return Ok(text(&value)),
                b'\\' => {
                    let (&escaped, rest) = self.rest.split_first().ok_or("an open escape")?;
                    if !matches!(escaped, b'\t' | b' '..=b'~') {
                        return Err(format!("{escaped:#x} escaped"));
                    }
                    self.rest = rest;
                    value.push(escaped);
                }
                b' '..=b'~' => value.push(byte),
                _ => return Err(format!("{byte:#x} in a quoted string")),
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.rest.first() == Some(&byte);
        if taken {
            self.rest = &self.rest[1..];
        }
        taken
    }

    fn spaces(&mut self) -> usize {
        let length = self.rest.iter().take_while(|b| **b == b' ').count();
        self.rest = &self.rest[length..];
        length
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
