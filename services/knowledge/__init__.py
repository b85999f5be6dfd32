"""Owns articles and their search; answers KnowledgeService; publishes ArticleDrafted to ArticleUsed; hears nothing yet.

Never: shows a draft to a reader, or lets an author publish their own text.
"""
