"""Knowledge: find, read, judge, write, review, publish."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_ONE = {"name": "articles/{id}"}
_VERBS = (
    ("submit", "SubmitArticle", "Hand a draft to the reviewers"),
    ("return", "ReturnArticle", "Send it back with a note"),
    ("publish", "PublishArticle", "Publish it; never its author"),
    ("retire", "RetireArticle", "Take it from the readers"),
    ("use", "RecordUse", "Say that it was read, and whether it helped"),
)

ROUTES = (
    Route("POST", "/articles", "knowledge", "CreateArticle", "Draft an article", 201),
    Route("GET", "/articles", "knowledge", "ListArticles", "Articles by state, language or author"),
    Route("GET", "/articles/search", "knowledge", "SearchArticles", "Ranked full text search, Chinese and English"),
    Route("GET", "/articles/{id}", "knowledge", "GetArticle", "One article", binds=_ONE),
    Route("PUT", "/articles/{id}", "knowledge", "UpdateArticle", "Replace the words of a draft", binds=_ONE),
    *(Route("POST", f"/articles/{{id}}/{verb}", "knowledge", rpc, text, binds=_ONE) for verb, rpc, text in _VERBS),
)
