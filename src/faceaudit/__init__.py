"""faceaudit: whom does a detector of AI-generated faces get wrong, how sure are we, and why?"""
