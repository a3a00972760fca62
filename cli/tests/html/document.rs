//! Parses pages with a browser's parser, which notes every error.

use std::fs;
use std::path::Path;

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

pub(super) struct Document(Element);

#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    /// The text of it and of all within it.
    pub(super) text: String,
}

impl Document {
    /// Reads a page, which must have no error.
    #[track_caller]
    pub(super) fn read(path: &Path) -> Self {
        let page = fs::read_to_string(path).expect("a page");
        let dom = parse_document(RcDom::default(), ParseOpts::default()).one(page);
        let errors = dom.errors.borrow();
        assert!(errors.is_empty(), "{errors:?}");
        Self(element(&dom.document))
    }

    pub(super) fn all(&self) -> Vec<&Element> {
        self.0.all()
    }

    pub(super) fn section(&self, id: &str) -> &Element {
        let sections = self.0.named("section");
        let mut sections = sections
            .into_iter()
            .filter(|section| section.get("id") == Some(id));
        let section = sections.next().expect("a section");
        assert!(sections.next().is_none(), "{id} is there twice");
        section
    }
}

impl Element {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(own, _)| own == name)?;
        Some(&found.1)
    }

    /// It, and all within it.
    pub(super) fn all(&self) -> Vec<&Element> {
        let mut all = vec![self];
        all.extend(self.children.iter().flat_map(Element::all));
        all
    }

    pub(super) fn named(&self, name: &str) -> Vec<&Element> {
        let all = self.all().into_iter();
        all.filter(|element| element.name == name).collect()
    }

    /// The cells of the rows of its first table, without the head.
    pub(super) fn rows(&self) -> Vec<Vec<&str>> {
        let body = self.named("tbody")[0];
        let rows = body.children.iter();
        rows.map(|row| row.children.iter().map(|cell| &*cell.text).collect())
            .collect()
    }
}

fn element(node: &Handle) -> Element {
    let (mut name, mut attributes) = (String::new(), Vec::new());
    if let NodeData::Element {
        name: own, attrs, ..
    } = &node.data
    {
        name = own.local.to_string();
        let attrs = attrs.borrow();
        attributes.extend(attrs.iter().map(|attribute| {
            (
                attribute.name.local.to_string(),
                attribute.value.to_string(),
            )
        }));
    }
    let (mut children, mut text) = (Vec::new(), String::new());
    for child in node.children.borrow().iter() {
        match &child.data {
            NodeData::Text { contents } => text += &contents.borrow(),
            NodeData::Element { .. } => {
                let child = element(child);
                text += &child.text;
                children.push(child);
            }
            _ => {}
        }
    }
    Element {
        name,
        attributes,
        children,
        text,
    }
}
